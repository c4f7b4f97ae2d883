import { z } from "zod";
import { canonicalJson, toJson } from "../experiment/canonical-json.js";
import { valueAt } from "../plan/spec-value.js";
import { Sft, type SftInput } from "../spec/sft.js";

/** A value of a preset that is published somewhere. */
export interface PublishedValue {
  /** Dotted path of the field. */
  readonly field: string;
  readonly value: z.core.util.JSONType;
  readonly source: string;
}

/** A value of a preset that is published nowhere. */
export interface AssumedValue {
  /** Dotted path of the field. */
  readonly field: string;
  readonly value: z.core.util.JSONType;
  readonly why: string;
}

/** What a training took where it was done first. */
export interface PublishedCost {
  readonly hours: number;
  readonly ranks: number;
  readonly device: string;
  readonly source: string;
}

/** A published training: a spec, where each of its values comes from, and what is known of how it went. */
export interface Preset {
  readonly input: SftInput;
  /** Sources of published fields. */
  readonly published: Readonly<Record<string, string>>;
  /** Reasons of assumed fields. */
  readonly assumed: Readonly<Record<string, string>>;
  readonly cost: PublishedCost;
  /** What the publications say against one another. */
  readonly contradictions: readonly string[];
}

/** Fields of a preset with their values and sources. */
export function publishedValues({ input, published }: Preset): readonly PublishedValue[] {
  const spec = wholeSpec(input);
  return Object.entries(published).map(([field, source]) => ({ field, value: plainValue(spec, field), source }));
}

/** Fields of a preset with their values and the reasons for them. */
export function assumedValues({ input, assumed }: Preset): readonly AssumedValue[] {
  const spec = wholeSpec(input);
  return Object.entries(assumed).map(([field, why]) => ({ field, value: plainValue(spec, field), why }));
}

/** Whether a training is the published one: its published values are the preset's, on whatever rows and ranks. */
export function isPreset(spec: Sft, preset: Preset): boolean {
  const own = wholeSpec(preset.input);
  return Object.keys(preset.published)
    .filter((field) => !field.startsWith("dataset") && !field.startsWith("resources"))
    .every((field) => same(valueAt(spec, field), valueAt(own, field)));
}

/** The assumed values of a preset that a training still has. */
export function keptAssumptions(spec: Sft, preset: Preset): readonly AssumedValue[] {
  return assumedValues(preset).filter(({ field, value }) => same(valueAt(spec, field), value));
}

function wholeSpec(input: SftInput): Sft {
  return Sft.parse({ kind: "sft", name: "preset", ...input });
}

function plainValue(spec: Sft, field: string): z.core.util.JSONType {
  return z.json().parse(valueAt(spec, field));
}

function same(one: unknown, other: unknown): boolean {
  return one === undefined || other === undefined
    ? one === other
    : canonicalJson(toJson(one)) === canonicalJson(toJson(other));
}
