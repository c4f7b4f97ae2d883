import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { environmentPython, interpreterVariable } from "#environments";
import { RunError } from "../../sdk/failure/failure.js";

/** Distributions that the agent and its engines import. Their versions, and a few more, are reported. */
const REQUIRED = [
  "grpcio",
  "protobuf",
  "torch",
  "transformers",
  "tokenizers",
  "safetensors",
  "pillow",
  "numpy",
  "jinja2",
];
const OPTIONAL = ["pyzmq", "torchvision", "deepspeed", "peft", "pyarrow", "tensorboard", "vllm"];

const PROBE = `
import importlib.metadata, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
`;

const PROBE_DEADLINE_MS = 60_000;
const known = new Map<string, Promise<Readonly<Record<string, string>>>>();

/**
 * Versions of Python and of the libraries of a named environment, by name; asked of its interpreter once
 * for each process, importing none of them.
 *
 * @throws RunError `environment_missing` naming the interpreter or the libraries that are missing.
 */
export async function environmentVersions(name: string): Promise<Readonly<Record<string, string>>> {
  const python = environmentPython(name);
  const asked = known.get(python) ?? probe(name, python);
  known.set(python, asked);
  try {
    return await asked;
  } catch (error) {
    known.delete(python);
    throw error;
  }
}

async function probe(name: string, python: string): Promise<Readonly<Record<string, string>>> {
  const facts = { environment: name, python, fix: "longform setup", variable: interpreterVariable(name) };
  const output = await promisify(execFile)(python, ["-I", "-c", PROBE, ...REQUIRED, ...OPTIONAL], {
    timeout: PROBE_DEADLINE_MS,
  }).catch((error: unknown) => {
    const detail = error instanceof Error ? error.message : String(error);
    throw new RunError(
      { code: "environment_missing", detail: `the interpreter does not start: ${detail}`, facts },
      { cause: error },
    );
  });
  const versions = z.record(z.string(), z.string()).parse(JSON.parse(output.stdout));
  const [major = 0, minor = 0] = (versions["python"] ?? "").split(".").map(Number);
  if (major < 3 || (major === 3 && minor < 11))
    throw new RunError({
      code: "environment_missing",
      detail: "the interpreter is too old",
      facts: { ...facts, found: `Python ${versions["python"]}`, expected: "Python 3.11 or newer" },
    });
  const missing = REQUIRED.filter((library) => versions[library] === undefined);
  if (missing.length > 0)
    throw new RunError({
      code: "environment_missing",
      detail: `${missing.join(", ")} not installed`,
      facts: { ...facts, missing: missing.join(", ") },
    });
  return versions;
}
