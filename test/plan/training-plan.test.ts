import { full, hub, longWriterV22k, lora, presets, type SftInput } from "longform";
import { describe, expect, test } from "vitest";
import { assumedUtilisation } from "../../sdk/plan/compute.js";
import { assumedDevice, type Device, findDevice } from "../../sdk/plan/devices.js";
import { verdictOf } from "../../sdk/plan/fit.js";
import { totalBytes } from "../../sdk/plan/memory.js";
import { auditedRows, publishedRows, type RowCounts } from "../../sdk/plan/tokens.js";
import { planTraining, type TrainingPlan } from "../../sdk/plan/training-plan.js";
import { Sft } from "../../sdk/spec/sft.js";
import { shapeOf } from "./shapes.js";

const GB = 1e9;

interface Given {
  readonly size?: string;
  readonly device?: Device;
  readonly rows?: RowCounts | null;
}

/** The plan of a training of a Qwen2.5-VL on published rows. */
function planned(input: Partial<SftInput>, { size = "7B", device = assumedDevice, rows }: Given = {}): TrainingPlan {
  const dataset = { ...longWriterV22k(), limit: 10_000 };
  const spec = Sft.parse({
    kind: "sft",
    name: "sft",
    model: hub(`Qwen/Qwen2.5-VL-${size}-Instruct`),
    dataset,
    ...input,
  });
  const shape = shapeOf(`Qwen2.5-VL-${size}`);
  return planTraining({
    spec,
    model: { name: size, shape, from: "the catalogue" },
    rows: rows === undefined ? (publishedRows(spec, shape) ?? null) : rows,
    device,
    utilisation: assumedUtilisation,
    assumed: [],
  });
}

const eight = { nodes: 1, ranksPerNode: 8 };
const warned = (plan: TrainingPlan) => plan.warnings.map(({ field }) => field);
const remedy = (plan: TrainingPlan) => plan.memory?.remedy?.changes;
const rowsOf = (tokens: number, count = 160) =>
  auditedRows(
    Array.from({ length: count }, () => ({ tokens, imageTokens: 0, targetTokens: tokens / 2, images: 0 })),
    0,
  );

describe("the published trainings", () => {
  test("the 7B fits eight cards of 80 GB under ZeRO-3", () => {
    const plan = planned(presets.longWriterV7b());
    expect(plan.memory?.verdict).toBe("fits");
    expect((plan.memory?.bytes ?? 0) / GB).toBeGreaterThan(30);
    expect((plan.memory?.bytes ?? 0) / GB).toBeLessThan(45);
    expect(plan.steps).toMatchObject({ steps: 1_875, roundedSteps: 1_875, epochs: 3 });
    expect(plan.preset?.name).toBe("longWriterV7b");
    expect(plan.zeroConfig?.zero_optimization.stage).toBe(3);
  });

  test("the 72B does not fit twenty-four of them, and its optimizer on the host is the cheapest way out", () => {
    const plan = planned(presets.longWriterV72b(), { size: "72B" });
    expect(plan.memory?.verdict).toBe("does not fit");
    expect(remedy(plan)).toEqual([{ field: "zero.offloadOptimizer", value: true }]);
    expect(plan.memory?.remedy?.bytes).toBeLessThan(64 * GB);
    expect((plan.memory?.remedy?.offloadedBytes ?? 0) / GB).toBeCloseTo((16 * 72.706) / 3, 0);
    expect(plan.steps).toMatchObject({ steps: 105, roundedSteps: 104 });
    expect(warned(plan)).toContain("examplesPerStep");
    expect((plan.disk?.checkpointBytes ?? 0) / GB).toBeCloseTo(872, 0);
  });

  test("a preset names its contradictions, and the same dataset elsewhere is warned of", () => {
    expect(planned(presets.longWriterV7b()).preset?.contradictions.join(" ")).toContain("19,378");
    expect(planned({}).warnings.find(({ field }) => field === "dataset")?.reason).toContain("19,378");
  });
});

describe("what is cheapest", () => {
  test("a verdict leaves a fifth of the card for what the estimate may miss", () => {
    expect([63, 64, 80, 81].map((bytes) => verdictOf(bytes * GB, 80 * GB))).toEqual([
      "fits",
      "tight",
      "tight",
      "does not fit",
    ]);
  });

  test("shorter passes come first, as far as they have to", () => {
    const plan = planned(
      { zero: { stage: 3 }, resources: eight, tokensPerPass: 131_072, examplesPerStep: 512 },
      { rows: rowsOf(2_000) },
    );
    expect(plan.memory?.passTokens).toBe(128_000);
    expect(remedy(plan)).toEqual([{ field: "tokensPerPass", value: 65_536 }]);
  });

  test("then checkpointing", () => {
    const plan = planned(
      { zero: { stage: 3 }, resources: eight, gradientCheckpointing: false },
      { rows: rowsOf(16_000) },
    );
    expect(remedy(plan)).toEqual([{ field: "gradientCheckpointing", value: true }]);
  });

  test("then shorter chunks of logits", () => {
    const plan = planned({ zero: { stage: 3 }, resources: eight, headChunkTokens: 32_768 }, { rows: rowsOf(32_000) });
    expect(remedy(plan)).toEqual([{ field: "headChunkTokens", value: 8_192 }]);
  });

  test("then the next stage of ZeRO that is enough", () => {
    const plan = planned({ resources: eight }, { rows: rowsOf(4_000) });
    expect(plan.memory?.verdict).toBe("does not fit");
    expect(remedy(plan)).toEqual([{ field: "zero.stage", value: 1 }]);
  });

  test("changes are taken together where one is not enough, and none of them could be left out", () => {
    const plan = planned({}, { rows: rowsOf(16_000), device: findDevice("RTX4090-24") ?? assumedDevice });
    expect(plan.memory?.verdict).toBe("does not fit");
    const changes = remedy(plan) ?? [];
    expect(changes.length).toBeGreaterThan(1);
    expect(plan.memory?.remedy?.bytes).toBeLessThan(0.8 * 24 * GB);
  });

  test("nothing makes a 72B fit a card of 1 GB", () => {
    const plan = planned({}, { size: "72B", device: { ...assumedDevice, memoryBytes: GB } });
    expect(plan.memory).toMatchObject({ verdict: "does not fit", remedy: null });
  });

  test("the causes add up to the whole, and its bounds lie fifteen per cent around it", () => {
    const { memory } = planned(presets.longWriterV7b());
    expect(totalBytes({ ...memory?.causes })).toBe(memory?.bytes);
    expect((memory?.highBytes ?? 0) / (memory?.lowBytes ?? 1)).toBeCloseTo(1.15 / 0.85, 6);
  });
});

describe("time", () => {
  test("GPU-hours are shared by the ranks, and fall with the utilisation's rise", () => {
    const one = planned({}).compute;
    const many = planned({ resources: eight, zero: { stage: 2 } }).compute;
    expect(many?.deviceHours).toBeCloseTo(one?.deviceHours ?? 0, 6);
    expect(many?.wallHours).toBeCloseTo((one?.wallHours ?? 0) / 8, 6);
  });

  test("adapters leave out the gradients of weights", () => {
    const whole = planned({}).compute?.flops ?? 0;
    expect((planned({ tuning: lora() }).compute?.flops ?? 0) / whole).toBeCloseTo(0.67, 1);
  });
});

describe("warnings, each with its reason", () => {
  interface Case {
    readonly title: string;
    readonly field: string;
    readonly input: Partial<SftInput>;
    readonly given?: Given;
  }
  const gate = { dataset: { kind: "records", path: "held-out.jsonl" }, atLeast: 0.9 } as const;
  const cases: readonly Case[] = [
    { title: "adapters at the rate of whole weights", field: "optimizer.peakLearningRate", input: { tuning: lora() } },
    {
      title: "whole weights at the rate of adapters",
      field: "optimizer.peakLearningRate",
      input: { optimizer: { peakLearningRate: 2e-4 } },
    },
    {
      title: "a frozen language model",
      field: "tuning.frozenParts",
      input: { tuning: full({ frozenParts: ["language"] }) },
    },
    {
      title: "a learning rate of a frozen part",
      field: "optimizer.partLearningRates.vision",
      input: { optimizer: { partLearningRates: { vision: 1e-6 } } },
    },
    { title: "more tokens than the model's window", field: "maxTokens", input: { maxTokens: 200_000 } },
    { title: "rows above maxTokens", field: "maxTokens", input: { maxTokens: 8_192 } },
    {
      title: "a last step filled with rows of a further epoch",
      field: "examplesPerStep",
      input: { examplesPerStep: 288 },
    },
    { title: "fewer examples than ranks", field: "examplesPerStep", input: { examplesPerStep: 4, resources: eight } },
    {
      title: "state split on one rank for nothing",
      field: "zero.stage",
      input: { zero: { stage: 1 }, precision: "float32" },
    },
    {
      title: "rows of more images than are let through",
      field: "visionPolicy.maxImages",
      input: { visionPolicy: { maxImages: 2 } },
    },
    {
      title: "refused rows",
      field: "dataset",
      input: { dataset: { kind: "records", path: "rows.jsonl" } },
      given: { rows: { ...rowsOf(4_000), refused: 3 } },
    },
    {
      title: "no rows at all",
      field: "dataset",
      input: { dataset: { kind: "records", path: "rows.jsonl" } },
      given: { rows: rowsOf(4_000, 0) },
    },
    {
      title: "state on the host",
      field: "zero",
      input: { zero: { stage: 2, offloadOptimizer: true }, resources: eight },
    },
    {
      title: "a model that fits no device whole",
      field: "model",
      input: { zero: { stage: 3 } },
      given: { size: "72B" },
    },
    {
      title: "a model that ranks open until the host is full",
      field: "resources.ranksPerNode",
      input: { zero: { stage: 2 }, resources: eight },
      given: { size: "72B" },
    },
    { title: "float32 on an accelerator", field: "precision", input: { precision: "float32" } },
    {
      title: "bfloat16 on a processor",
      field: "precision",
      input: {},
      given: { device: findDevice("cpu") ?? assumedDevice },
    },
    { title: "a gate without checkpoints", field: "checkpointEverySteps", input: { gate } },
    { title: "many hours without checkpoints", field: "checkpointEverySteps", input: {}, given: { size: "72B" } },
  ];
  test.each(cases)("$title", ({ field, input, given = {} }) => {
    const found = planned(input, given).warnings.filter((warning) => warning.field === field);
    expect(found).toHaveLength(1);
    expect(found[0]?.reason).not.toBe("");
  });

  test("there are none where nothing is wrong", () => {
    expect(
      planned({ zero: { stage: 2 }, resources: eight, checkpointEverySteps: 100 }, { rows: rowsOf(4_000) }),
    ).toMatchObject({
      level: "audited",
      warnings: [{ field: "dataset" }],
    });
  });
});

test("a model of unknown shape has a plan of what is known without it", () => {
  const spec = Sft.parse({
    kind: "sft",
    name: "sft",
    model: hub("somebody/model"),
    dataset: longWriterV22k(),
    zero: { stage: 2 },
  });
  const plan = planTraining({
    spec,
    model: { name: "somebody/model", shape: null, from: "nothing" },
    rows: null,
    device: assumedDevice,
    utilisation: 0.35,
    assumed: [],
  });
  expect(plan).toMatchObject({ parameters: null, memory: null, compute: null, steps: null, disk: null });
  expect(plan.zeroConfig?.zero_optimization.stage).toBe(2);
});
