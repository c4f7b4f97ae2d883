import type { Sft } from "../spec/sft.js";
import { Tuning } from "../spec/tuning.js";
import type { z } from "zod";

/** Whether a training fits a device. */
export type Verdict = "fits" | "tight" | "does not fit";

/** Up to this share of a device the estimate may be wrong by its own uncertainty. */
const comfortable = 0.8;

export function verdictOf(bytes: number, deviceBytes: number): Verdict {
  if (bytes < comfortable * deviceBytes) return "fits";
  return bytes <= deviceBytes ? "tight" : "does not fit";
}

/** A field of a training's spec and what to set it to. */
export interface FieldChange {
  readonly field: string;
  readonly value: z.core.util.JSONType;
}

/** Changes of one kind that make a training fit better, and what they do. */
interface Switch {
  readonly changes: readonly FieldChange[];
  readonly apply: (spec: Sft) => Sft;
}

/** Changes that together make a training fit, and the memory that it then takes. */
export interface Remedy {
  readonly changes: readonly FieldChange[];
  readonly bytes: number;
}

/**
 * The cheapest change that makes a training fit: the first one in order of cost that does so alone, the smallest of its
 * kind; otherwise the fewest of them together. Null when nothing does.
 *
 * @param bytesOf The memory of a rank under a changed spec.
 * @param longestRow Tokens of the longest row, below which passes do not get.
 */
export function cheapestRemedy(
  spec: Sft,
  bytesOf: (spec: Sft) => number,
  deviceBytes: number,
  longestRow: number,
): Remedy | null {
  const fits = (changed: Sft) => verdictOf(bytesOf(changed), deviceBytes) === "fits";
  const kinds = kindsOfSwitches(longestRow);
  for (const kind of kinds)
    for (const choice of kind(spec)) {
      const changed = choice.apply(spec);
      if (fits(changed)) return { changes: choice.changes, bytes: bytesOf(changed) };
    }
  let current = spec;
  const chosen: Switch[] = [];
  for (const kind of kinds) {
    const before = current;
    const better = kind(before).filter((choice) => bytesOf(choice.apply(before)) < bytesOf(before));
    const choice = better.find((one) => fits(one.apply(before))) ?? better.at(-1);
    if (choice === undefined) continue;
    chosen.push(choice);
    current = choice.apply(before);
    if (fits(current)) return withoutNeedless(spec, chosen, fits, bytesOf);
  }
  return null;
}

function withoutNeedless(
  spec: Sft,
  chosen: readonly Switch[],
  fits: (spec: Sft) => boolean,
  bytesOf: (spec: Sft) => number,
): Remedy {
  const all = (switches: readonly Switch[]) => switches.reduce((changed, { apply }) => apply(changed), spec);
  // From the dearest on: what is cheap may stay.
  let needed = chosen;
  for (const candidate of chosen.toReversed()) {
    const rest = needed.filter((choice) => choice !== candidate);
    if (fits(all(rest))) needed = rest;
  }
  return { changes: needed.flatMap(({ changes }) => changes), bytes: bytesOf(all(needed)) };
}

type Kind = (spec: Sft) => readonly Switch[];

/** In order of cost; each kind from the mildest to the strongest. */
function kindsOfSwitches(longestRow: number): readonly Kind[] {
  return [
    (spec) =>
      halves(spec.tokensPerPass, Math.max(1_024, longestRow)).map((value) =>
        set("tokensPerPass", value, { tokensPerPass: value }),
      ),
    (spec) => (spec.gradientCheckpointing ? [] : [set("gradientCheckpointing", true, { gradientCheckpointing: true })]),
    (spec) =>
      halves(spec.headChunkTokens, 64).map((value) => set("headChunkTokens", value, { headChunkTokens: value })),
    zeroStages,
    (spec) => (spec.zero.offloadOptimizer ? [] : [offload(spec, "offloadOptimizer", 1)]),
    moreRanks,
    (spec) => (spec.zero.offloadParameters ? [] : [offload(spec, "offloadParameters", 3)]),
    (spec) => (spec.tuning.kind === "lora" ? [] : [set("tuning.kind", "lora", { tuning: adapters })]),
  ];
}

const adapters = Tuning.parse({ kind: "lora" });

function set(field: string, value: FieldChange["value"], settings: Partial<Sft>): Switch {
  return { changes: [{ field, value }], apply: (spec) => ({ ...spec, ...settings }) };
}

/** Half of a number, a quarter and so on, down to a limit, which is the last. */
function halves(from: number, downTo: number): readonly number[] {
  const found: number[] = [];
  for (let value = Math.floor(from / 2); value > downTo; value = Math.floor(value / 2)) found.push(value);
  return from > downTo ? [...found, downTo] : [];
}

function zeroStages({ zero }: Sft): readonly Switch[] {
  return ([1, 2, 3] as const)
    .filter((stage) => stage > zero.stage)
    .map((stage) => ({
      changes: [{ field: "zero.stage", value: stage }],
      apply: (spec) => ({ ...spec, zero: { ...spec.zero, stage } }),
    }));
}

function offload({ zero }: Sft, field: "offloadOptimizer" | "offloadParameters", needs: 1 | 3): Switch {
  const stage = zero.stage < needs ? needs : zero.stage;
  return {
    changes: [
      ...(stage === zero.stage ? [] : [{ field: "zero.stage", value: stage }]),
      { field: `zero.${field}`, value: true },
    ],
    apply: (spec) => ({ ...spec, zero: { ...spec.zero, stage, [field]: true } }),
  };
}

const fullNode = 8;
const mostNodes = 64;

/** A node is filled before another one is added. */
function moreRanks({ resources }: Sft): readonly Switch[] {
  const choices: Switch[] = [];
  for (let ranksPerNode = 2 * resources.ranksPerNode; ranksPerNode <= fullNode; ranksPerNode *= 2)
    choices.push(ranks({ ...resources, ranksPerNode }, [{ field: "resources.ranksPerNode", value: ranksPerNode }]));
  const ranksPerNode = Math.max(resources.ranksPerNode, fullNode);
  const filled =
    ranksPerNode === resources.ranksPerNode ? [] : [{ field: "resources.ranksPerNode", value: ranksPerNode }];
  for (let nodes = resources.nodes + 1; nodes <= mostNodes; nodes += Math.max(1, Math.floor(nodes / 4)))
    choices.push(ranks({ ...resources, ranksPerNode, nodes }, [...filled, { field: "resources.nodes", value: nodes }]));
  return choices;
}

function ranks(resources: Sft["resources"], changes: readonly FieldChange[]): Switch {
  return { changes, apply: (spec) => ({ ...spec, resources }) };
}
