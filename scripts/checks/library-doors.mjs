import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { packageRoot } from "../environments.mjs";
import { projectFiles } from "./project-files.mjs";

/** Where each outside library of the TypeScript code may be imported: a file, or a folder ending in "/". @type {Record<string, string[]>} */
const typescriptDoors = {
  "@grpc/grpc-js": ["sdk/client/grpc.ts"],
  "@grpc/proto-loader": ["sdk/client/grpc.ts"],
  "d3-scale": ["sdk/report/charts/frame.ts"],
  esbuild: ["sdk/client/bundle.ts"],
  yaml: ["runners/cli/import-llama-factory.ts"],
  yargs: ["runners/cli/yargs.ts"],
  zeromq: ["sdk/client/live.ts"],
  // The language of schemas: whoever reads outside data declares its shape with it.
  zod: ["sdk/", "runners/", "examples/", "bench/"],
};

/** The same for the Python worker. @type {Record<string, string[]>} */
const pythonDoors = {
  PIL: ["longform_worker/data/", "longform_worker/engines/import_rows.py", "longform_worker/models/adapter.py"],
  deepspeed: ["longform_worker/engines/train/backend/split.py"],
  "google.protobuf": ["longform_worker/agent/codec.py"],
  grpc: ["longform_worker/agent/"],
  huggingface_hub: ["longform_worker/engines/fetch.py"],
  numpy: ["longform_worker/models/adapter.py"],
  peft: ["longform_worker/engines/train/tuning.py"],
  pyarrow: ["longform_worker/data/importers/parquet_file.py"],
  safetensors: ["longform_worker/models/loaded.py", "longform_worker/models/tensors.py"],
  tokenizers: ["longform_worker/engines/make_model.py"],
  // The language of tensors, in engines only: the agent must not need it.
  torch: ["longform_worker/engines/", "longform_worker/models/"],
  transformers: ["longform_worker/models/"],
  zmq: ["longform_worker/agent/live.py"],
};

/** @param {string} text */
export function typescriptImports(text) {
  const statement =
    /^(?:import|export)\b[^"'`;]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\b(?:import|require)\(\s*"([^"]+)"\s*\)/gm;
  const specifiers = [...text.matchAll(statement)].map(([, from, bare, call]) => from ?? bare ?? call ?? "");
  return specifiers
    .filter((name) => !/^[.#/]|^node:|^longform(\/|$)/.test(name) && !builtinModules.includes(name))
    .map((name) => name.match(/^(@[^/]+\/[^/]+|[^/]+)/)?.[0] ?? name);
}

const standardLibrary =
  /^(__future__|abc|argparse|array|ast|asyncio|base64|binascii|bisect|codecs|collections|concurrent|contextlib|contextvars|copy|ctypes|dataclasses|datetime|decimal|difflib|enum|errno|faulthandler|fcntl|fnmatch|fractions|functools|gc|glob|hashlib|heapq|hmac|importlib|inspect|io|ipaddress|itertools|json|logging|math|mmap|multiprocessing|operator|os|pathlib|pickle|platform|pwd|queue|random|re|resource|secrets|select|selectors|shutil|signal|site|socket|ssl|stat|statistics|string|struct|subprocess|sys|sysconfig|tempfile|textwrap|threading|time|traceback|types|typing|unicodedata|unittest|urllib|uuid|warnings|weakref|zipfile|zlib)$/;

/** @param {string} text */
export function pythonImports(text) {
  const statement = /^\s*(?:from|import)\s+([\w.]+)|\bimport_module\("([\w.]+)"\)/gm;
  const names = [...text.matchAll(statement)].map(([, name, late]) => name ?? late ?? "");
  return names
    .map((name) => (name.startsWith("google.protobuf") ? "google.protobuf" : (name.split(".")[0] ?? "")))
    .filter((name) => name !== "" && name !== "longform_worker" && !standardLibrary.test(name));
}

/**
 * @param {Record<string, string[]>} doors
 * @param {string[]} files
 * @param {(text: string) => string[]} importsOf
 * @param {string} root what the doors are relative to
 */
function compare(doors, files, importsOf, root) {
  /** @type {Set<string>} */
  const used = new Set();
  /** @type {Set<string>} */
  const found = new Set();
  for (const file of files) {
    for (const library of importsOf(readFileSync(join(packageRoot, file), "utf8"))) {
      const prefixes = doors[library] ?? [];
      const door = prefixes.find((prefix) => file.startsWith(root + prefix));
      if (door) used.add(`${library} ${door}`);
      else found.add(`${file} imports ${library}, whose door is ${prefixes.join(", ") || "nowhere"}`);
    }
  }
  const idle = Object.entries(doors).flatMap(([library, prefixes]) =>
    prefixes
      .filter((door) => !used.has(`${library} ${door}`))
      .map((door) => `nothing in ${door} imports ${library}: delete this door`),
  );
  return [...found, ...idle];
}

/** Each outside library is imported only where this file says, and every place it names does so. */
export function libraryDoorsCheck() {
  const typescript = projectFiles(/^(sdk|runners|examples|bench)\/.*\.ts$/);
  const python = projectFiles(/^python-worker\/src\/.*\.py$/).filter((name) => !name.includes("/gen/"));
  return [
    ...compare(typescriptDoors, typescript, typescriptImports, ""),
    ...compare(pythonDoors, python, pythonImports, "python-worker/src/"),
  ];
}
