import { access, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseSpec, SpecError } from "../experiment/spec-error.js";
import { Experiment } from "../spec/experiment.js";

/** A spec out of a file. */
export interface LoadedSpec {
  readonly experiment: Experiment;
  /** Folder that relative paths in it start from. */
  readonly base: string;
}

/**
 * Reads an experiment from a TypeScript, JavaScript or JSON file.
 *
 * @throws SpecError naming the file and every field that does not fit.
 */
export async function loadSpec(file: string): Promise<LoadedSpec> {
  const path = resolve(file);
  await access(path).catch(() => {
    throw new SpecError([{ path: file, found: "no such file", expected: "a .ts, .mts, .js, .mjs or .json file" }]);
  });
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
          found: `a ${extname(path) || "nameless"} file`,
          expected: "a .ts, .mts, .js, .mjs or .json file",
        },
      ]);
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SpecError([{ path: file, found: String(error), expected: "JSON" }]);
  }
}

async function defaultExport(path: string, file: string): Promise<unknown> {
  const { compileSpec } = await import("./bundle.js");
  // Beside the spec, so that its packages are found from where it lies.
  const compiled = join(dirname(path), `.longform-${process.pid}-${Date.now().toString(36)}.mjs`);
  try {
    await writeFile(compiled, await compileSpec(path));
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
    throw new SpecError([{ path: file, found: String(error), expected: "a module that loads" }], { cause: error });
  } finally {
    await rm(compiled, { force: true });
  }
}
