import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { statSync } from "node:fs";
import { basename, dirname, extname, isAbsolute, relative, resolve } from "node:path";
import { parse, YAMLError } from "yaml";
import { z } from "zod";
import type { KeyOutcome, KeyReport } from "../../sdk/import/key-reader.js";
import { importLlamaFactory } from "../../sdk/import/llama-factory.js";
import { specSource } from "../../sdk/import/spec-source.js";
import type { SftInput } from "../../sdk/spec/sft.js";
import { ExitCode } from "./exit-code.js";
import { shellWord } from "./invocation.js";
import { UsageError } from "./usage-error.js";

export interface ImportOptions {
  readonly file: string;
  readonly output?: string | undefined;
  readonly nodes: number;
  readonly ranksPerNode: number;
  readonly json: boolean;
}

const Keys = z.record(z.string(), z.unknown());

/**
 * Writes the spec of a LLaMA-Factory training file and lists what became of each key. Paths in the file are taken from
 * the folder of the command, as LLaMA-Factory takes them.
 *
 * @returns Exit code 2, and nothing written, when a key is refused.
 */
export async function importLlamaFactoryFile(options: ImportOptions): Promise<number> {
  const { file, json, nodes, ranksPerNode } = options;
  const output = options.output ?? `${basename(file, extname(file))}.ts`;
  if (![".ts", ".mts", ".json"].includes(extname(output)))
    throw new UsageError(`--output must end in .ts, .mts or .json; found ${output}.`);
  if (await exists(output)) throw new UsageError(`${output} is there already. Name another file with --output.`);
  const values = await keysOf(file);
  const { reports, stage } = importLlamaFactory({
    values,
    nodes,
    ranksPerNode,
    deepspeed: await deepspeedConfig(values["deepspeed"]),
    isFolder: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    relocated: (path) => relocated(path, output),
  });
  if (stage !== null) await write(output, specText(stage, file, output));
  if (json) process.stdout.write(`${JSON.stringify({ ok: stage !== null, output: stage && output, keys: reports })}\n`);
  else process.stdout.write(listText(reports, stage === null ? null : output));
  return stage === null ? ExitCode.badInput : ExitCode.done;
}

async function keysOf(file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  try {
    const found = Keys.safeParse(parse(text));
    if (found.success) return found.data;
  } catch (error) {
    if (!(error instanceof YAMLError) && !(error instanceof ReferenceError)) throw error;
    throw new UsageError(`${file} is no YAML: ${error.message.split("\n")[0]}`);
  }
  throw new UsageError(`${file} must hold keys and values, as a training file of LLaMA-Factory does.`);
}

/** The config that a path names; undefined when there is no such file, so that its name has to tell. */
async function deepspeedConfig(path: unknown): Promise<unknown> {
  if (typeof path !== "string") return undefined;
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`${path} is no JSON: ${error.message}`);
    return undefined;
  }
}

async function write(output: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(output), { recursive: true });
    await writeFile(output, text, { flag: "wx" });
  } catch (error) {
    throw new UsageError(`${output} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function relocated(path: string, output: string): string {
  if (isAbsolute(path)) return path;
  return relative(resolve(dirname(output)), resolve(path)) || ".";
}

function specText(stage: SftInput, file: string, output: string): string {
  const name =
    basename(file, extname(file))
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "") || "imported";
  const stages = [{ kind: "sft", name: "sft", ...stage }];
  if (extname(output) === ".json") return `${JSON.stringify({ format: 1, name, stages }, null, 2)}\n`;
  return specSource(name, stage, [`From ${basename(file)}, a training file of LLaMA-Factory.`]);
}

const titles: Readonly<Record<KeyOutcome, string>> = {
  taken: "Taken as they are",
  changed: "Changed",
  assumed: "Not in the file, written at the value that LLaMA-Factory gives them",
  ignored: "Ignored",
  refused: "Refused",
};

function listText(reports: readonly KeyReport[], output: string | null): string {
  const parts = Object.entries(titles).flatMap(([outcome, title]) => {
    const lines = reports.filter((report) => report.outcome === outcome).map(lineOf);
    return lines.length === 0 ? [] : [`${title}:\n${lines.join("\n")}\n`];
  });
  const end =
    output === null
      ? "Nothing was written: change what is refused and import again.\n"
      : `Wrote ${output}. \`longform plan ${shellWord(output)}\` shows what would run.\n`;
  return `${parts.join("\n")}\n${end}`;
}

function lineOf({ key, value, fields, why }: KeyReport): string {
  const said = value === undefined ? "" : `: ${typeof value === "string" ? value : JSON.stringify(value)}`;
  const to = fields.length === 0 ? "" : ` → ${fields.join(", ")}`;
  return `  ${key}${said}${to}${why === "" ? "" : ` (${why})`}`;
}
