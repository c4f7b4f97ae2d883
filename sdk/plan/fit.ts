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
  /** What it then keeps in each host's memory. */
  readonly offloadedBytes: number;
  /** "tight" where nothing that was tried leaves more room. */
  readonly verdict: Exclude<Verdict, "does not fit">;
}

/**
 * The cheapest change that makes a training fit: the first one in order of cost that does so alone, the smallest of its
 * kind; otherwise some of them together, none of which could be left out. Null when nothing does.
 *
 * @param bytesOf The memory of a rank under a changed spec.
 * @param offloadedOf What is in each host's memory under a changed spec.
 * @param longestRow Tokens of the longest row, below which passes do not get.
 */
export function cheapestRemedy(
  spec: Sft,
  { bytesOf, offloadedOf }: { readonly bytesOf: (spec: Sft) => number; readonly offloadedOf: (spec: Sft) => number },
  deviceBytes: number,
  longestRow: number,
): Remedy | null {
  const kinds = kindsOfSwitches(longestRow);
  const below = (limit: number) => (changed: Sft) => bytesOf(changed) < limit;
  const remedy = (switches: readonly Switch[] | null, verdict: Remedy["verdict"]): Remedy | null =>
    switches && {
      changes: switches.flatMap(({ changes }) => changes),
      bytes: bytesOf(applied(spec, switches)),
      offloadedBytes: offloadedOf(applied(spec, switches)),
      verdict,
    };
  const comfortably = below(comfortable * deviceBytes);
  const chosen = oneAlone(spec, kinds, comfortably) ?? severalTogether(spec, kinds, bytesOf, comfortably);
  if (chosen !== null) return remedy(chosen, "fits");
  // It is as it is already, or further changes do no more than leave less than a fifth of the card.
  if (bytesOf(spec) <= deviceBytes) return null;
  const barely = below(deviceBytes);
  return remedy(oneAlone(spec, kinds, barely) ?? severalTogether(spec, kinds, bytesOf, barely), "tight");
}

type Fits = (spec: Sft) => boolean;

function applied(spec: Sft, switches: readonly Switch[]): Sft {
  return switches.reduce((changed, { apply }) => apply(changed), spec);
}

function oneAlone(spec: Sft, kinds: readonly Kind[], fits: Fits): readonly Switch[] | null {
  const found = kinds.flatMap((kind) => kind(spec)).find(({ apply }) => fits(apply(spec)));
  return found === undefined ? null : [found];
}

function severalTogether(
  spec: Sft,
  kinds: readonly Kind[],
  bytesOf: (spec: Sft) => number,
  fits: Fits,
): readonly Switch[] | null {
  let chosen: readonly Chosen[] = [];
  for (const kind of kinds) {
    const before = applied(spec, chosen);
    const strongest = kind(before).findLast(({ apply }) => bytesOf(apply(before)) < bytesOf(before));
    if (strongest === undefined) continue;
    chosen = [...chosen, { ...strongest, kind }];
    if (fits(applied(spec, chosen))) return noStronger(spec, withoutNeedless(spec, chosen, fits), fits);
  }
  return null;
}

interface Chosen extends Switch {
  readonly kind: Kind;
}

/** From the dearest on: what is cheap may stay. */
function withoutNeedless(spec: Sft, chosen: readonly Chosen[], fits: Fits): readonly Chosen[] {
  return chosen.toReversed().reduce((needed, candidate) => {
    const rest = needed.filter((choice) => choice !== candidate);
    return fits(applied(spec, rest)) ? rest : needed;
  }, chosen);
}

/** The mildest choice of each kind, the dearest kind first. */
function noStronger(spec: Sft, chosen: readonly Chosen[], fits: Fits): readonly Switch[] {
  const milder: Switch[] = [...chosen];
  for (const [index, { kind }] of [...chosen.entries()].toReversed()) {
    const before = applied(spec, milder.slice(0, index));
    const mildest = kind(before).find((choice) => fits(applied(spec, milder.with(index, choice))));
    if (mildest !== undefined) milder[index] = mildest;
  }
  return milder;
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
const mostNodes = 16;

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
