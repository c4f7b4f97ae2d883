import { readFile, rm, stat, writeFile } from "node:fs/promises";
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
  // Beside the spec, so that its packages are found from where it lies.
  const compiled = join(dirname(path), `.longform-${process.pid}-${Date.now().toString(36)}.mjs`);
  try {
    await writeFile(compiled, await compileSpec(path, file));
    const module: unknown = await import(pathToFileURL(compiled).href);
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
    const found = messageOf(error).replaceAll(compiled, path);
    throw new SpecError([{ path: file, found, expected: "a module that loads" }], { cause: error });
  } finally {
    await rm(compiled, { force: true });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
