import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseSpec, SpecError } from "../experiment/spec-error.js";
import { absent } from "../run-folder/errno.js";
import { Experiment } from "../spec/experiment.js";

const SPEC_FILE = "a .ts, .mts, .js, .mjs or .json file";

/** A spec out of a file. */
export interface LoadedSpec {
  readonly experiment: Experiment;
  /** Folder that relative paths in it start from. */
  readonly base: string;
}

/**
 * Reads an experiment from a TypeScript, JavaScript or JSON file.
 *
 * @throws SpecError naming every field that does not fit or, for the whole of it, the file.
 */
export async function loadSpec(file: string): Promise<LoadedSpec> {
  const path = resolve(file);
  const state = await stat(path).catch(absent);
  if (state?.isFile() !== true)
    throw new SpecError([
      { path: file, found: state === undefined ? "no such file" : "a folder", expected: SPEC_FILE },
    ]);
  return { experiment: parseSpec(Experiment, await valueOf(path, file)), base: dirname(path) };
}

async function valueOf(path: string, file: string): Promise<unknown> {
  switch (extname(path)) {
    case ".json":
      return parseJson(await readFile(path, "utf8"), file);
    case ".ts":
    case ".mts":
    case ".js":
    case ".mjs":
      return await defaultExport(path, file);
    default:
      throw new SpecError([
        {
          path: file,
          found: extname(path) === "" ? "a file without an ending" : `a ${extname(path)} file`,
          expected: SPEC_FILE,
        },
      ]);
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SpecError([{ path: file, found: messageOf(error), expected: "JSON" }], { cause: error });
  }
}

async function defaultExport(path: string, file: string): Promise<unknown> {
  const { compileSpec } = await import("./bundle.js");
  const code = await compileSpec(path, file);
  await using compiled = await writeCompiled(path, code);
  try {
    const module: unknown = await import(pathToFileURL(compiled.path).href);
    if (typeof module === "object" && module !== null && "default" in module) return module.default;
    const names = typeof module === "object" && module !== null ? Object.keys(module) : [];
    throw new SpecError([
      {
        path: file,
        found: names.length === 0 ? "no exports" : `the exports ${names.join(", ")}`,
        expected: "`export default experiment(…)`",
      },
    ]);
  } catch (error) {
    if (error instanceof SpecError) throw error;
    const found = messageOf(error).replaceAll(compiled.path, path);
    throw new SpecError([{ path: file, found, expected: "a module that loads" }], { cause: error });
  }
}

/** A compiled spec on the disk until it is disposed of. */
interface Compiled extends AsyncDisposable {
  readonly path: string;
}

/** Beside the spec, so that its packages are found from where it lies; where nothing can be written there, in a twin of that folder. */
async function writeCompiled(spec: string, code: string): Promise<Compiled> {
  const name = `.longform-${randomUUID()}.mjs`;
  const beside = compiledAt(join(dirname(spec), name));
  try {
    await writeFile(beside.path, code);
    return beside;
  } catch {
    await beside[Symbol.asyncDispose]();
  }
  const root = await mkdtemp(join(tmpdir(), "longform-spec-"));
  const twin = compiledAt(join(await twinFolder(dirname(spec), root), name), root);
  await writeFile(twin.path, code);
  return twin;
}

function compiledAt(path: string, owned = path): Compiled {
  return { path, [Symbol.asyncDispose]: async () => await rm(owned, { recursive: true, force: true }) };
}

/** Makes a folder below `root` from which the same packages are found as from `folder`. */
async function twinFolder(folder: string, root: string): Promise<string> {
  const parent = dirname(folder);
  const twin = join(parent === folder ? root : await twinFolder(parent, root), "twin");
  await mkdir(twin);
  await symlink(join(folder, "node_modules"), join(twin, "node_modules"), "junction");
  return twin;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
