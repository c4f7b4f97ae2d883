import { z } from "zod";
import { Sft } from "../spec/sft.js";
import { valueAt, withValue } from "./spec-value.js";

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
  const search: Search = { spec, bytesOf, kinds: kindsOfSwitches(longestRow), limit: comfortable * deviceBytes };
  const found = cheapest(search);
  // Without one it is tight already, or further changes do no more than leave less than a fifth of the card.
  const chosen = found === null && bytesOf(spec) > deviceBytes ? cheapest({ ...search, limit: deviceBytes }) : found;
  const changed = chosen === null ? null : applied(spec, chosen);
  if (chosen === null || changed === null) return null;
  return {
    changes: settled(spec, chosen),
    bytes: bytesOf(changed),
    offloadedBytes: offloadedOf(changed),
    verdict: found === null ? "tight" : "fits",
  };
}

/** Changes that are made together or not at all. */
type Switch = readonly FieldChange[];

/** Changes of one kind to a spec, from the mildest to the strongest. */
type Kind = (spec: Sft) => readonly Switch[];

interface Search {
  readonly spec: Sft;
  readonly bytesOf: (spec: Sft) => number;
  /** In order of cost. */
  readonly kinds: readonly Kind[];
  /** Below it a training fits. */
  readonly limit: number;
}

const { tokensPerPass, gradientCheckpointing, headChunkTokens, zero, resources, tuning } = Sft.unwrap().shape;
const Changeable = z.object({ tokensPerPass, gradientCheckpointing, headChunkTokens, zero, resources, tuning });

/** The spec with these changes; null where it would be refused. */
function applied(spec: Sft, switches: readonly Switch[]): Sft | null {
  const edited = switches.flat().reduce<unknown>((data, { field, value }) => withValue(data, field, value), spec);
  const parsed = Changeable.safeParse(edited);
  return parsed.success ? { ...spec, ...parsed.data } : null;
}

function fits({ spec, bytesOf, limit }: Search, switches: readonly Switch[]): boolean {
  const changed = applied(spec, switches);
  return changed !== null && bytesOf(changed) < limit;
}

/** One change for each field that comes out different. */
function settled(spec: Sft, switches: readonly Switch[]): readonly FieldChange[] {
  const values = new Map(switches.flat().map(({ field, value }) => [field, value]));
  return [...values]
    .map(([field, value]) => ({ field, value }))
    .filter(({ field, value }) => valueAt(spec, field) !== value);
}

function cheapest(search: Search): readonly Switch[] | null {
  const alone = search.kinds.flatMap((kind) => kind(search.spec)).find((choice) => fits(search, [choice]));
  return alone === undefined ? severalTogether(search) : [alone];
}

interface Chosen {
  readonly choice: Switch;
  readonly kind: Kind;
}

const choices = (chosen: readonly Chosen[]) => chosen.map(({ choice }) => choice);

function severalTogether(search: Search): readonly Switch[] | null {
  let chosen: readonly Chosen[] = [];
  let before = search.spec;
  for (const kind of search.kinds) {
    const now = search.bytesOf(before);
    const strongest = kind(before)
      .map((choice) => ({ choice, after: applied(before, [choice]) }))
      .findLast(({ after }) => after !== null && search.bytesOf(after) < now);
    if (strongest === undefined || strongest.after === null) continue;
    chosen = [...chosen, { choice: strongest.choice, kind }];
    before = strongest.after;
    // A milder choice of one kind may be the better one, and make another needless.
    if (search.bytesOf(before) < search.limit)
      return choices(withoutNeedless(search, noStronger(search, withoutNeedless(search, chosen))));
  }
  return null;
}

/** From the dearest on: what is cheap may stay. */
function withoutNeedless(search: Search, chosen: readonly Chosen[]): readonly Chosen[] {
  return chosen.toReversed().reduce((needed, candidate) => {
    const rest = needed.filter((one) => one !== candidate);
    return fits(search, choices(rest)) ? rest : needed;
  }, chosen);
}

/** The mildest choice of each kind, the dearest kind first. */
function noStronger(search: Search, chosen: readonly Chosen[]): readonly Chosen[] {
  const milder = [...chosen];
  for (const [index, { kind }] of [...chosen.entries()].toReversed()) {
    const before = applied(search.spec, choices(milder.slice(0, index)));
    const mildest = before && kind(before).find((choice) => fits(search, choices(milder).with(index, choice)));
    if (mildest) milder[index] = { choice: mildest, kind };
  }
  return milder;
}

/** In order of cost. */
function kindsOfSwitches(longestRow: number): readonly Kind[] {
  return [
    ({ tokensPerPass }) =>
      halves(tokensPerPass, Math.max(1_024, longestRow)).map((value) => [{ field: "tokensPerPass", value }]),
    ({ gradientCheckpointing }) => (gradientCheckpointing ? [] : [[{ field: "gradientCheckpointing", value: true }]]),
    ({ headChunkTokens }) => halves(headChunkTokens, 64).map((value) => [{ field: "headChunkTokens", value }]),
    ({ zero }) => [1, 2, 3].filter((stage) => stage > zero.stage).map((value) => [{ field: "zero.stage", value }]),
    ({ zero }) => (zero.offloadOptimizer ? [] : [offload(zero, "offloadOptimizer", 1)]),
    fullerNodes,
    ({ zero }) => (zero.offloadParameters ? [] : [offload(zero, "offloadParameters", 3)]),
    moreNodes,
    ({ tuning }) => (tuning.kind === "lora" ? [] : [[{ field: "tuning", value: { kind: "lora" } }]]),
  ];
}

/** Half of a number, a quarter and so on, down to a limit, which is the last. */
function halves(from: number, downTo: number): readonly number[] {
  const found: number[] = [];
  for (let value = Math.floor(from / 2); value > downTo; value = Math.floor(value / 2)) found.push(value);
  return from > downTo ? [...found, downTo] : [];
}

function offload({ stage }: Sft["zero"], field: "offloadOptimizer" | "offloadParameters", needs: 1 | 3): Switch {
  return [...(stage < needs ? [{ field: "zero.stage", value: needs }] : []), { field: `zero.${field}`, value: true }];
}

const fullNode = 8;
const mostNodes = 16;

/** A rank beyond the examples of a step would have no row. */
function fullerNodes({ resources, examplesPerStep }: Sft): readonly Switch[] {
  const most = Math.min(fullNode, Math.floor(examplesPerStep / resources.nodes));
  const found: Switch[] = [];
  for (let value = 2 * resources.ranksPerNode; value <= most; value *= 2)
    found.push([{ field: "resources.ranksPerNode", value }]);
  return found;
}

/** A node is filled before another one is added. */
function moreNodes({ resources, examplesPerStep }: Sft): readonly Switch[] {
  const ranksPerNode = Math.max(resources.ranksPerNode, fullNode);
  const most = Math.min(mostNodes, Math.floor(examplesPerStep / ranksPerNode));
  const found: Switch[] = [];
  for (let nodes = resources.nodes + 1; nodes <= most; nodes += Math.max(1, Math.floor(nodes / 4)))
    found.push([
      { field: "resources.ranksPerNode", value: ranksPerNode },
      { field: "resources.nodes", value: nodes },
    ]);
  return found;
}
