import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { canonicalJson, type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { parseSpec, SpecError } from "../../sdk/experiment/spec-error.js";
import { failureOf, RunError } from "../../sdk/failure/failure.js";
import type { ImportNode } from "../../sdk/plan/stages.js";
import { type BlobReader, fileHash } from "../../sdk/run-folder/blob-reader.js";
import type { Dataset } from "../../sdk/spec/dataset.js";
import { BenchRow, TrainingRow } from "../../sdk/spec/rows.js";
import type { StageContext } from "./context.js";
import type { Inputs } from "./inputs.js";

export type SourceRow = TrainingRow | BenchRow;

/** Rows as a dataset gives them, every one checked. */
export interface SourceRows {
  readonly rows: readonly SourceRow[];
  /** Folder that image paths are relative to; empty when there is none. */
  readonly imageRoot: string;
}

/** Where the rows of a node come from: a file of JSON lines, or a user's function. */
export type RowsSource =
  | {
      readonly kind: "file";
      readonly path: string;
      /** Folder that image paths are relative to. */
      readonly imageRoot: string;
      /** What messages call it. */
      readonly name: string;
      readonly limit: number | undefined;
    }
  | Extract<Dataset, { readonly kind: "generated" }>;

/** The source of a node's rows: its dataset, or what another node has read for it. */
export function rowsSource(
  { dataset, read }: Pick<ImportNode, "dataset" | "read">,
  { inputs, blobs }: { readonly inputs: Inputs; readonly blobs: BlobReader },
): RowsSource {
  if (dataset.kind === "generated") return dataset;
  if (dataset.kind === "records")
    return {
      kind: "file",
      path: dataset.path,
      imageRoot: dirname(dataset.path),
      name: dataset.path,
      limit: dataset.limit,
    };
  if (read === null) throw new RunError({ code: "internal", detail: `nothing has read the ${dataset.kind} dataset` });
  const { file, images, imageRoot } = inputs.read(read);
  return {
    kind: "file",
    path: blobs.path(file),
    imageRoot: images === undefined ? imageRoot : blobs.treePath(images),
    name: dataset.kind === "hub" ? dataset.repository : dataset.path,
    limit: undefined,
  };
}

/**
 * Reads or makes rows.
 *
 * @throws RunError data_refused naming file, row and field; user_code when the user's function throws.
 */
export async function readSourceRows(
  from: RowsSource,
  kind: "training" | "bench",
  context: StageContext,
): Promise<SourceRows> {
  const source = sourceName(from);
  const values = from.kind === "file" ? readLines(from.path) : callDataset(from, context);
  const rows: SourceRow[] = [];
  const ids = new Map<string, string>();
  for await (const { where, value } of values) {
    const row =
      kind === "training" ? parseRow(TrainingRow, value, source, where) : parseRow(BenchRow, value, source, where);
    const twin = ids.get(row.id);
    if (twin !== undefined)
      throw refused(source, where, "id", `"${row.id}", which ${twin} has too`, "an id of its own");
    ids.set(row.id, where);
    rows.push(row);
    if (rows.length === from.limit) break;
  }
  if (rows.length === 0) throw refused(source, "the whole dataset", "", "no rows", "at least one row");
  return { rows, imageRoot: from.kind === "file" ? from.imageRoot : "" };
}

/** A source in messages: its file, or the function that makes it. */
export function sourceName(source: RowsSource): string {
  return source.kind === "file" ? source.name : `${source.function.name}()`;
}

/** Rows as the text of a JSON-lines file. */
export function rowsText(rows: readonly SourceRow[]): string {
  return rows.map((row) => `${canonicalJson(toJson(row))}\n`).join("");
}

/**
 * What identifies a dataset by content: the user's function with its arguments, or the file with every image it names.
 *
 * @throws RunError data_refused naming file, row and image where an image is no file below the folder of the rows.
 */
export async function datasetKey(source: RowsSource): Promise<JsonValue> {
  if (source.kind === "generated") return toJson(source);
  const hash = createHash("sha256");
  let rows = 0;
  for await (const { where, value } of readLines(source.path)) {
    hash.update(`${canonicalJson(toJson(value))}\n`);
    const { data } = RowImages.safeParse(value);
    for (const [index, { path }] of data?.images.entries() ?? [])
      if (path !== undefined) hash.update(`${await imageSha256(source, where, index, path)}\n`);
    rows += 1;
    if (rows === source.limit) break;
  }
  return { kind: "records", sha256: hash.digest("hex") };
}

const RowImages = z.looseObject({ images: z.array(z.looseObject({ path: z.string().optional() })) });

/** Links are followed first: what is read lies below the folder of the rows, as the import demands too. */
async function imageSha256(
  { name: file, imageRoot }: Extract<RowsSource, { readonly kind: "file" }>,
  row: string,
  image: number,
  path: string,
): Promise<string> {
  const refuse = (found: string, cause?: unknown) =>
    new RunError(
      {
        code: "data_refused",
        facts: { file, row, image, found: `${path}, ${found}`, expected: "an image file below the folder of the rows" },
      },
      { cause },
    );
  try {
    const root = await realpath(imageRoot);
    const real = await realpath(resolve(root, path));
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) throw refuse(`which is ${real}`);
    // A device or a pipe may have no end.
    if (!(await stat(real)).isFile()) throw refuse("which is no file");
    return (await fileHash(real)).sha256;
  } catch (error) {
    throw error instanceof RunError ? error : refuse("which cannot be read", error);
  }
}

interface Found {
  readonly where: string;
  readonly value: unknown;
}

async function* readLines(path: string): AsyncGenerator<Found> {
  let line = 0;
  try {
    for await (const text of createInterface({
      input: createReadStream(path, "utf8"),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      line += 1;
      const json = line === 1 ? text.replace(/^\uFEFF/, "") : text;
      if (json.trim() !== "") yield { where: `line ${line}`, value: parseJson(json, path, line) };
    }
  } catch (error) {
    if (error instanceof RunError) throw error;
    throw new RunError(
      {
        code: "data_refused",
        detail: failureOf(error).detail,
        facts: { file: path, found: "no file that can be read", expected: "a JSON-lines file" },
      },
      { cause: error },
    );
  }
}

function parseJson(text: string, path: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RunError(
      {
        code: "data_refused",
        facts: { file: path, row: `line ${line}`, found: text.slice(0, 60), expected: "one JSON object a line" },
      },
      { cause: error },
    );
  }
}

async function* callDataset(
  dataset: Extract<Dataset, { kind: "generated" }>,
  context: StageContext,
): AsyncGenerator<Found> {
  const make = await context.userFunction(dataset.function);
  const made = await make([dataset.arguments]);
  const rows = z.array(z.unknown()).safeParse(made);
  if (!rows.success) throw refused(`${dataset.function.name}()`, "its result", "", typeof made, "an array of rows");
  for (const [index, value] of rows.data.entries()) yield { where: `row ${index + 1}`, value };
}

function parseRow<Row extends SourceRow>(schema: z.ZodType<Row>, value: unknown, source: string, where: string): Row {
  try {
    return parseSpec(schema, value);
  } catch (error) {
    const finding = error instanceof SpecError ? error.findings[0] : undefined;
    if (finding === undefined) throw error;
    throw refused(source, where, finding.path, finding.found, finding.expected);
  }
}

function refused(file: string, row: string, field: string, found: string, expected: string): RunError {
  return new RunError({
    code: "data_refused",
    facts: { file, row, ...(field === "" ? {} : { field }), found, expected },
  });
}
