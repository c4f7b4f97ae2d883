// Regenerates the Python side of the proto (`npm run gen`).
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { environmentPython, packageRoot } from "./environments.mjs";

const protoRoot = join(packageRoot, "proto");
const protoFolder = "longform/v1";

export const generatedFolder = join(packageRoot, "python-worker", "src", "longform_worker", "gen");

/** protoc writes imports from the top of sys.path; inside our package they are siblings. */
function asSiblings(/** @type {string} */ text) {
  return text.replaceAll(/^from longform\.v1 import (\w+)/gm, "from . import $1");
}

/**
 * The generated files by name.
 * @returns {Map<string, string>}
 */
export function generate() {
  const folder = mkdtempSync(join(tmpdir(), "longform-gen-"));
  try {
    const protos = readdirSync(join(protoRoot, protoFolder))
      .filter((name) => name.endsWith(".proto"))
      .toSorted();
    const outputs = ["--python_out", "--pyi_out", "--grpc_python_out"].map((flag) => `${flag}=${folder}`);
    const args = [
      "-m",
      "grpc_tools.protoc",
      `--proto_path=${protoRoot}`,
      ...outputs,
      ...protos.map((name) => `${protoFolder}/${name}`),
    ];
    const protoc = spawnSync(environmentPython("train"), args, { encoding: "utf8" });
    if (protoc.status !== 0) throw new Error(protoc.stderr || String(protoc.error ?? "protoc failed"));
    /** @type {Map<string, string>} */
    const files = new Map([
      ["__init__.py", '"""Generated from proto/longform/v1 by `npm run gen`; not edited by hand."""\n'],
    ]);
    for (const name of readdirSync(join(folder, protoFolder)).toSorted()) {
      const text = readFileSync(join(folder, protoFolder, name), "utf8");
      // A file without a service would give an empty service module.
      if (name.endsWith("_pb2_grpc.py") && !text.includes("Servicer")) continue;
      files.set(name, asSiblings(text));
    }
    return files;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const files = generate();
  rmSync(generatedFolder, { recursive: true, force: true });
  mkdirSync(generatedFolder, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(generatedFolder, name), text);
  console.log(`wrote ${files.size} files`);
}
