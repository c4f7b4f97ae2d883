import { hub, lora, records, type SftInput } from "longform";
import { expect, test } from "vitest";
import { assumedUtilisation } from "../../sdk/plan/compute.js";
import { assumedDevice, type Device, findDevice } from "../../sdk/plan/devices.js";
import type { FieldChange } from "../../sdk/plan/fit.js";
import { withValue } from "../../sdk/plan/spec-value.js";
import { auditedRows } from "../../sdk/plan/tokens.js";
import { type MemoryPlan, planTraining, ranksOf } from "../../sdk/plan/training-plan.js";
import { Sft } from "../../sdk/spec/sft.js";
import { shapeOf } from "./shapes.js";

const GB = 1e9;

interface Case {
  readonly size: string;
  readonly device: Device;
  readonly tokens: number;
  readonly input: Partial<SftInput>;
}

function specOf({ size, input }: Case): Sft {
  const model = hub(`Qwen/Qwen2.5-VL-${size}-Instruct`);
  return Sft.parse({ kind: "sft", name: "sft", model, dataset: records("rows.jsonl"), ...input });
}

function memoryOf(spec: Sft, { size, device, tokens }: Case): MemoryPlan | null {
  const row = { tokens, imageTokens: tokens / 2, targetTokens: tokens / 4, images: 1 };
  const rows = auditedRows(
    Array.from({ length: 32 }, () => row),
    0,
  );
  const model = { name: size, shape: shapeOf(`Qwen2.5-VL-${size}`), from: "the catalogue" };
  return planTraining({ spec, model, rows, device, utilisation: assumedUtilisation, assumed: [] }).memory;
}

/** The spec as somebody writes it who follows a plan's advice. */
function following(spec: Sft, changes: readonly FieldChange[]): Sft {
  return Sft.parse(changes.reduce<unknown>((data, { field, value }) => withValue(data, field, value), spec));
}

const given = (name: string): Device => findDevice(name) ?? assumedDevice;
const sweep: readonly Case[] = ["7B", "72B"].flatMap((size) =>
  [given("RTX4090-24"), given("A100-40"), given("H100-80")].flatMap((device) =>
    [1_000, 24_000].flatMap((tokens) =>
      ([0, 1, 2, 3] as const).flatMap((stage) =>
        [
          { nodes: 1, ranksPerNode: 1 },
          { nodes: 1, ranksPerNode: 8 },
          { nodes: 2, ranksPerNode: 3 },
        ].flatMap((resources) =>
          [{ examplesPerStep: 4 }, { examplesPerStep: 96, tokensPerPass: 65_536, tuning: lora({ dropout: 0.1 }) }].map(
            (settings) => ({ size, device, tokens, input: { zero: { stage }, resources, ...settings } }),
          ),
        ),
      ),
    ),
  ),
);

test("whoever follows the advice of a plan gets the memory and the verdict that it promised, and no idle ranks", () => {
  let followed = 0;
  for (const one of sweep) {
    const spec = specOf(one);
    const remedy = memoryOf(spec, one)?.remedy;
    if (!remedy) continue;
    followed += 1;
    const changed = following(spec, remedy.changes);
    const memory = memoryOf(changed, one);
    expect({ changes: remedy.changes, bytes: memory?.bytes, verdict: memory?.verdict }).toEqual({
      changes: remedy.changes,
      bytes: remedy.bytes,
      verdict: remedy.verdict,
    });
    expect(memory?.host.offloadedBytes).toBe(remedy.offloadedBytes);
    expect(ranksOf(changed)).toBeLessThanOrEqual(Math.max(ranksOf(spec), spec.examplesPerStep));
    const fields = remedy.changes.map(({ field }) => field);
    expect(new Set(fields).size).toBe(fields.length);
  }
  expect(followed).toBeGreaterThan(sweep.length / 4);
});

test("an optimizer on the host is advised with the stage that it needs", () => {
  const one = { size: "7B", device: given("A100-40"), tokens: 24_000, input: { resources: { ranksPerNode: 8 } } };
  const changes = memoryOf(specOf(one), one)?.remedy?.changes ?? [];
  const zero = following(specOf(one), changes).zero;
  expect(changes.map(({ field }) => field)).toContain("zero.offloadOptimizer");
  expect(zero.stage).toBeGreaterThan(0);
});

test("weights go to the host before a step of few examples is spread over nodes", () => {
  const zero = { stage: 3, offloadOptimizer: true } as const;
  const input = { zero, examplesPerStep: 8, resources: { ranksPerNode: 8 } };
  const one = { size: "72B", device: { ...assumedDevice, memoryBytes: 32 * GB }, tokens: 1_000, input };
  expect(memoryOf(specOf(one), one)?.remedy?.changes).toEqual([{ field: "zero.offloadParameters", value: true }]);
});
