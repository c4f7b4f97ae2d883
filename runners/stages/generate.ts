import { readFile } from "node:fs/promises";
import { canonicalJson, type JsonValue, sha256, toJson } from "../../sdk/experiment/canonical-json.js";
import { failureOf, RunError } from "../../sdk/failure/failure.js";
import type { GenerateNode } from "../../sdk/plan/stages.js";
import { readJsonLines } from "../../sdk/run-folder/json-lines.js";
import type { BenchItem } from "../../sdk/spec/rows.js";
import type { Job } from "../workers/jobs.js";
import type { Engine, Finished } from "../workers/worker.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import { forEachInFlight } from "./in-flight.js";
import type { Inputs } from "./inputs.js";
import type { TextsResult } from "./results.js";
import { readItems, Sample, sampleName, sampleSeed } from "./samples.js";

export const version = 1;

type GenerationOrder = Extract<Job, { kind: "generation" }>;

interface Wanted {
  readonly item: BenchItem;
  readonly sample: number;
  readonly seed: number;
}

export async function parts(node: GenerateNode, inputs: Inputs): Promise<JsonValue> {
  const { visionPolicy, promptLayout, engine: spec, sampling, samplesPerItem } = node.spec;
  // A script is what it says, wherever it lies.
  const engine = spec.kind === "scripted" ? { ...spec, script: sha256(await readFile(spec.script)) } : spec;
  return {
    weights: await inputs.weightsKey(node.weights),
    items: inputs.rows(node.items).file.sha256,
    settings: toJson({ visionPolicy, promptLayout, engine, sampling, samplesPerItem }),
  };
}

/** Writes the texts that are still missing; a text is stored before it counts. */
export async function run(node: GenerateNode, context: StageContext): Promise<TextsResult> {
  const { blobs } = context.store;
  const { spec } = node;
  const items = await readItems(context.inputs.rows(node.items).file, blobs);
  const wanted = items.flatMap((item) =>
    Array.from(
      { length: spec.samplesPerItem },
      (_, sample): Wanted => ({ item, sample, seed: sampleSeed(spec.sampling.seed, item.id, sample) }),
    ),
  );
  const samples = await finishedSamples(node, context);
  const missing = wanted.filter(({ item, sample }) => !samples.has(sampleName(item.id, sample)));
  if (missing.length > 0) await writeTexts(node, context, missing, samples);
  const lines = wanted
    .map(({ item, sample }) => samples.get(sampleName(item.id, sample)))
    .filter((line) => line !== undefined);
  if (lines.every((line) => line.finish === "error"))
    throw new RunError({
      ...lines[0]?.failure,
      code: lines[0]?.failure?.code ?? "internal",
      facts: { ...lines[0]?.failure?.facts, item: lines[0]?.item ?? "", texts: `all ${lines.length} failed` },
    });
  const file = await blobs.putText(lines.map((line) => `${canonicalJson(toJson(line))}\n`).join(""));
  const failed = lines.filter((line) => line.finish === "error").length;
  return { kind: "texts", file, texts: lines.map((line) => line.text), failed };
}

/** Texts of an earlier run or of an interrupted attempt under the same key. A failed request is asked again. */
async function finishedSamples(node: GenerateNode, context: StageContext): Promise<Map<string, Sample>> {
  const samples = new Map<string, Sample>();
  if (context.partial?.kind === "texts")
    for (const line of await readJsonLines(context.partial.file, Sample, context.store.blobs))
      if (line.finish !== "error") samples.set(sampleName(line.item, line.sample), line);
  for (const { event } of context.store.stored()) {
    if (
      event.type !== "sample_done" ||
      event.stage !== node.id ||
      event.key !== context.key ||
      event.finish === "error"
    )
      continue;
    const { type: _type, stage: _stage, key: _key, ...sample } = event;
    samples.set(sampleName(sample.item, sample.sample), sample);
  }
  return samples;
}

async function writeTexts(
  node: GenerateNode,
  context: StageContext,
  missing: readonly Wanted[],
  samples: Map<string, Sample>,
): Promise<void> {
  const { blobs } = context.store;
  const { spec } = node;
  const worker = await context.worker();
  await using engine = await worker.openEngine(
    { ...jobEnvelope(node.id, spec.resources, context), job: generationJob(node, context) },
    recordJob(node.id, context),
    context.signal,
  );
  let done = samples.size;
  const total = samples.size + missing.length;
  // Twice the batch keeps the engine full while finished texts are being stored.
  await forEachInFlight(missing, 2 * spec.engine.maxBatchSequences, async ({ item, sample, seed }) => {
    const finished = await requestText(engine, node, { item, sample, seed });
    const { text, ...facts } = finished;
    const line: Sample = { item: item.id, sample, seed, ...facts, text: await blobs.putText(text) };
    await context.emit({ type: "sample_done", stage: node.id, key: context.key, ...line });
    samples.set(sampleName(item.id, sample), line);
    done += 1;
    await context.emit({ type: "progress", stage: node.id, done, total, unit: "texts" });
  });
  await engine.close();
}

function generationJob(node: GenerateNode, context: StageContext): GenerationOrder {
  const { visionPolicy, promptLayout, engine } = node.spec;
  const { blobs } = context.store;
  const shared = { kind: "generation", blobRoot: blobs.root, visionPolicy, promptLayout } as const;
  const { maxBatchSequences, maxTokens } = engine;
  switch (engine.kind) {
    case "scripted":
      return {
        ...shared,
        engine: "scripted",
        modelPath: engine.script,
        precision: "float32",
        maxBatchSequences,
        maxTokens,
      };
    case "transformers": {
      const modelPath = context.inputs.weightsPath(node.weights, blobs);
      return {
        ...shared,
        engine: "transformers",
        modelPath,
        precision: engine.precision,
        maxBatchSequences,
        maxTokens,
      };
    }
  }
}

async function requestText(engine: Engine, node: GenerateNode, { item, sample, seed }: Wanted): Promise<Finished> {
  const { seed: _, ...sampling } = node.spec.sampling;
  try {
    return await engine.generate({
      requestId: sampleName(item.id, sample),
      prompt: item.prompt,
      images: item.images,
      sampling: { ...sampling, seed },
    });
  } catch (error) {
    throw new RunError({ ...failureOf(error), facts: { ...failureOf(error).facts, item: item.id } }, { cause: error });
  }
}
