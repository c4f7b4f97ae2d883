import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experiment, hub, longWriterV22k, records, type SftInput } from "longform";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rowCounts } from "../../runners/cli/row-counts.js";
import { Inputs } from "../../runners/stages/inputs.js";
import { BlobStore } from "../../runners/store/blobs.js";
import { planStages, type SftNode } from "../../sdk/plan/stages.js";
import { shapeOf } from "../plan/shapes.js";

const seven = shapeOf("Qwen2.5-VL-7B");
let folder: string;
let blobs: BlobStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "longform-rows-"));
  blobs = new BlobStore(folder);
});
afterAll(async () => await rm(folder, { recursive: true }));

/** The training of an experiment on a dataset. */
function trainingOn(dataset: SftInput["dataset"]): SftNode {
  const spec = experiment("rows", (x) => {
    x.sft("sft", { model: hub("Qwen/Qwen2.5-VL-7B-Instruct"), dataset });
  });
  const node = planStages(spec).find((stage): stage is SftNode => stage.kind === "sft");
  if (node === undefined) throw new Error("the plan has no training");
  return node;
}

function lines(...values: readonly object[]): string {
  return `${values.map((value) => JSON.stringify(value)).join("\n")}\n`;
}

const imported = {
  id: "a",
  language: "en",
  prompt: "Describe it.",
  target: "word ".repeat(50),
  images: [{ sha256: "0".repeat(64), width: 280, height: 280 }],
};

async function importedInputs(): Promise<Inputs> {
  const inputs = new Inputs();
  inputs.set("sft/rows", {
    kind: "rows",
    file: await blobs.putText(lines(imported, { ...imported, id: "b" })),
    rows: 2,
    images: 2,
  });
  return inputs;
}

const counts = { tokens: 100, imageTokens: 25, targetTokens: 40, images: 1, pixels: 1, why: "", cutCharacters: 0 };

test("rows that an audit refuses are still planned for and told of, those that it could not count as well", async () => {
  const inputs = new Inputs();
  const report = await blobs.putText(
    lines(
      { id: "a", ...counts, action: "kept" },
      { id: "b", ...counts, tokens: 9_000, why: "9000 tokens, more than 8000", action: "refused" },
      { id: "c", ...counts, tokens: null, imageTokens: null, targetTokens: null, why: "no text", action: "refused" },
    ),
  );
  inputs.set("sft/audit", {
    kind: "audit",
    file: await blobs.putText(lines(imported)),
    rows: 1,
    images: 1,
    report,
    tokens: 100,
    imageTokens: 25,
    targetTokens: 40,
    longestRowTokens: 100,
    capped: 0,
    dropped: 0,
    refused: 2,
  });
  expect(await rowCounts(trainingOn(longWriterV22k()), null, inputs, blobs)).toMatchObject({
    rows: 2,
    tokens: 9_100,
    longestRowTokens: 9_000,
    refused: 2,
  });
});

test("rows that an audit has kept are exact, whatever else is known", async () => {
  const inputs = await importedInputs();
  const report = await blobs.putText(
    lines(
      { id: "a", ...counts, action: "kept" },
      { id: "b", ...counts, tokens: 80, action: "capped" },
      { id: "c", ...counts, tokens: 9_000, action: "dropped" },
    ),
  );
  inputs.set("sft/audit", {
    kind: "audit",
    file: await blobs.putText(lines(imported)),
    rows: 2,
    images: 2,
    report,
    tokens: 180,
    imageTokens: 50,
    targetTokens: 80,
    longestRowTokens: 100,
    capped: 1,
    dropped: 1,
    refused: 0,
  });
  expect(await rowCounts(trainingOn(longWriterV22k()), null, inputs, blobs)).toMatchObject({
    level: "audited",
    rows: 2,
    tokens: 180,
    longestRowTokens: 100,
    squaredTokens: 16_400,
    assumed: [],
  });
});

test("imported rows are counted, their words standing for tokens", async () => {
  expect(await rowCounts(trainingOn(records("rows.jsonl")), seven, await importedInputs(), blobs)).toMatchObject({
    level: "estimated",
    rows: 2,
    images: 2,
    imageTokens: 200,
    targetTokens: 2 * 67,
  });
});

test("without either the published dataset has its statistics and any other nothing", async () => {
  const found = await rowCounts(trainingOn(longWriterV22k()), seven, new Inputs(), blobs);
  expect(found).toMatchObject({ level: "estimated", rows: 19_378 });
  expect(await rowCounts(trainingOn(records("rows.jsonl")), seven, new Inputs(), blobs)).toBeNull();
});
