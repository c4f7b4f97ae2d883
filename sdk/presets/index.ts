import type { Sft } from "../spec/sft.js";
import { longWriterV7b, longWriterV7bPreset, longWriterV72b, longWriterV72bPreset } from "./long-writer-v.js";
import {
  type AssumedValue,
  assumedValues,
  isPreset,
  type Preset,
  type PublishedValue,
  publishedValues,
} from "./preset.js";

/** Names of the presets. */
export type PresetName = "longWriterV7b" | "longWriterV72b";

const all: Readonly<Record<PresetName, Preset>> = {
  longWriterV7b: longWriterV7bPreset,
  longWriterV72b: longWriterV72bPreset,
};

/** Published trainings as specs. Every value is either published, with its source, or named as assumed. */
export const presets = {
  /** LongWriter-V-7B: `x.sft("sft", presets.longWriterV7b())`. */
  longWriterV7b,
  /** LongWriter-V-72B. */
  longWriterV72b,
  /** What of a preset is published, and where. */
  published(name: PresetName): readonly PublishedValue[] {
    return publishedValues(all[name]);
  },
  /** What of a preset is published nowhere, and why it is what it is. */
  assumptions(name: PresetName): readonly AssumedValue[] {
    return assumedValues(all[name]);
  },
};

/** The preset that a training has the published values of. */
export function presetOf(spec: Sft): { readonly name: PresetName; readonly preset: Preset } | undefined {
  return (["longWriterV7b", "longWriterV72b"] as const)
    .map((name) => ({ name, preset: all[name] }))
    .find(({ preset }) => isPreset(spec, preset));
}
