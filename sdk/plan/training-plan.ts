import { type PresetName, presetOf } from "../presets/index.js";
import { type AssumedValue, keptAssumptions, type PublishedCost } from "../presets/preset.js";
import type { Sft } from "../spec/sft.js";
import { Zero } from "../spec/zero.js";
import { trainingFlops } from "./compute.js";
import type { Device } from "./devices.js";
import { cheapestRemedy, type Remedy, type Verdict, verdictOf } from "./fit.js";
import {
  type DiskSpace,
  diskSpace,
  type HostMemory,
  hostMemory,
  type MemoryByCause,
  type MemoryOrder,
  memoryByCause,
  memoryUncertainty,
  totalBytes,
} from "./memory.js";
import type { ModelFamily, ModelShape } from "./model-shape.js";
import { type TunedParameters, tuneParameters } from "./parameters.js";
import { planSteps, type StepPlan } from "./steps.js";
import { type Assumption, mostTokensPerImage, type RowCounts } from "./tokens.js";
import { adviseTraining, type PlanWarning } from "./warnings.js";
import { type ZeroConfig, zeroConfig } from "./zero-config.js";

/** What a plan of a training is made from; everything that has to be looked up. */
export interface TrainingFacts {
  readonly spec: Sft;
  /** The model by name, and its shape where that is known. */
  readonly model: { readonly name: string; readonly shape: ModelShape | null; readonly from: string };
  readonly rows: RowCounts | null;
  readonly device: Device;
  readonly utilisation: number;
  /** Values that nobody gave: of the device, of the utilisation. */
  readonly assumed: readonly Assumption[];
}

/** Memory of one rank's device. */
export interface MemoryPlan {
  readonly device: string;
  readonly deviceBytes: number;
  readonly causes: MemoryByCause;
  readonly bytes: number;
  /** The estimate lies within these bounds. */
  readonly lowBytes: number;
  readonly highBytes: number;
  /** Tokens of the largest pass, which the estimate is for. */
  readonly passTokens: number;
  /** The same for a row of maxTokens, where that is longer than the longest row. */
  readonly bytesAtMaxTokens: number | null;
  /** The same without ZeRO. */
  readonly unsplitBytes: number;
  readonly verdict: Verdict;
  /** What would make it fit; null where it fits, or where nothing does. */
  readonly remedy: Remedy | null;
  readonly host: HostMemory;
}

/** Time and arithmetic of the whole training. */
export interface ComputePlan {
  readonly flops: number;
  readonly utilisation: number;
  readonly teraflops: number;
  readonly deviceHours: number;
  readonly wallHours: number;
  readonly secondsPerStep: number;
  readonly tokensPerSecondPerRank: number;
}

/** A published training that this one repeats. */
export interface PresetPlan {
  readonly name: PresetName;
  readonly assumed: readonly AssumedValue[];
  readonly contradictions: readonly string[];
  readonly cost: PublishedCost;
}

/** What a training will take. A part is null where the shape of the model or the rows are unknown. */
export interface TrainingPlan {
  readonly level: "audited" | "estimated";
  readonly model: { readonly name: string; readonly family: ModelFamily | null; readonly from: string };
  readonly ranks: number;
  readonly parameters: TunedParameters | null;
  readonly rows: RowCounts | null;
  readonly steps: StepPlan | null;
  /** Tokens of the whole training, repeated rows included. */
  readonly tokens: number | null;
  readonly targetTokens: number | null;
  /** Passes are packed. */
  readonly paddingShare: 0;
  readonly memory: MemoryPlan | null;
  readonly disk: DiskSpace | null;
  readonly compute: ComputePlan | null;
  readonly zeroConfig: ZeroConfig | null;
  readonly warnings: readonly PlanWarning[];
  readonly assumed: readonly Assumption[];
  readonly preset: PresetPlan | null;
}

/** Everything that can be said about a training before a device is taken. */
export function planTraining(facts: TrainingFacts): TrainingPlan {
  const { spec, rows } = facts;
  const { shape } = facts.model;
  const ranks = ranksOf(spec);
  const parameters = shape === null ? null : tuneParameters(shape, spec.tuning);
  const steps =
    rows === null || rows.rows === 0
      ? null
      : planSteps(rows.rows, rows.tokens / rows.rows, spec, { ranks, tokensPerPass: spec.tokensPerPass });
  const seen = (count: number) => (rows === null || steps === null ? null : Math.round(count * steps.epochs));
  const plan: Omit<TrainingPlan, "warnings"> = {
    level: rows?.level ?? "estimated",
    model: { name: facts.model.name, family: shape?.family ?? null, from: facts.model.from },
    ranks,
    parameters,
    rows,
    steps,
    tokens: seen(rows?.tokens ?? 0),
    targetTokens: seen(rows?.targetTokens ?? 0),
    paddingShare: 0,
    memory: shape === null ? null : planMemory(facts, shape),
    disk:
      shape === null || parameters === null
        ? null
        : diskSpace(shape, parameters, spec.precision, spec.checkpointEverySteps > 0),
    compute: shape === null || steps === null ? null : planCompute(facts, shape, steps),
    zeroConfig: zeroConfig({ ...spec, maxGradientNorm: spec.optimizer.maxGradientNorm }),
    assumed: [...facts.assumed, ...(rows?.assumed ?? [])],
    preset: planPreset(spec),
  };
  return { ...plan, warnings: adviseTraining(spec, shape, facts.device, plan) };
}

/** Processes that share a training. */
export function ranksOf({ resources }: Sft): number {
  return resources.nodes * resources.ranksPerNode;
}

/** Tokens of the longest row: counted, or as long as the spec lets through. */
function longestRow(spec: Sft, rows: RowCounts | null): number {
  const known = rows === null || rows.rows === 0 ? spec.maxTokens : rows.longestRowTokens;
  return Math.min(known, spec.maxTokens);
}

/** Tokens of the largest pass: as many rows as fit together, or the longest one alone. */
function passTokensOf(spec: Sft, longest: number): number {
  const rowsOfRank = Math.ceil(spec.examplesPerStep / ranksOf(spec));
  return Math.max(longest, Math.min(spec.tokensPerPass, rowsOfRank * longest));
}

/** What the memory of a rank follows from, for a longest row of so many tokens. */
function memoryOrder(spec: Sft, { rows, device }: TrainingFacts, shape: ModelShape, longest: number): MemoryOrder {
  const passTokens = passTokensOf(spec, longest);
  const counted = rows === null || rows.rows === 0 ? null : rows;
  const most = counted?.mostImageTokens ?? spec.visionPolicy.maxImages * mostTokensPerImage(spec.visionPolicy, shape);
  const share = counted === null ? 0 : counted.imageTokens / Math.max(1, counted.tokens);
  const imageTokens = Math.min(passTokens, Math.max(most, share * passTokens));
  return {
    shape,
    tuned: tuneParameters(shape, spec.tuning),
    zero: spec.zero,
    precision: spec.precision,
    gradientCheckpointing: spec.gradientCheckpointing,
    headChunkTokens: spec.headChunkTokens,
    ranks: ranksOf(spec),
    passTokens,
    passPatches: Math.ceil(imageTokens * shape.vision.merge ** 2),
    runtimeBytes: device.runtimeBytes,
  };
}

const unsplit = Zero.parse({});

function planMemory(facts: TrainingFacts, shape: ModelShape): MemoryPlan {
  const { spec, device } = facts;
  const longest = longestRow(spec, facts.rows);
  const bytesOf = (changed: Sft, row: number) =>
    totalBytes({ ...memoryByCause(memoryOrder(changed, facts, shape, row)) });
  const order = memoryOrder(spec, facts, shape, longest);
  const causes = memoryByCause(order);
  const bytes = totalBytes({ ...causes });
  const verdict = verdictOf(bytes, device.memoryBytes);
  return {
    device: device.name,
    deviceBytes: device.memoryBytes,
    causes,
    bytes,
    lowBytes: bytes * (1 - memoryUncertainty),
    highBytes: bytes * (1 + memoryUncertainty),
    passTokens: order.passTokens,
    bytesAtMaxTokens: spec.maxTokens > order.passTokens ? bytesOf(spec, spec.maxTokens) : null,
    unsplitBytes: bytesOf({ ...spec, zero: unsplit }, longest),
    verdict,
    remedy:
      verdict === "fits"
        ? null
        : cheapestRemedy(
            spec,
            {
              bytesOf: (changed) => bytesOf(changed, longest),
              offloadedOf: (changed) =>
                hostMemory(memoryOrder(changed, facts, shape, longest), changed.resources.ranksPerNode).offloadedBytes,
            },
            device.memoryBytes,
            longest,
          ),
    host: hostMemory(order, spec.resources.ranksPerNode),
  };
}

function planCompute(facts: TrainingFacts, shape: ModelShape, steps: StepPlan): ComputePlan | null {
  const { spec, rows, device, utilisation } = facts;
  if (rows === null) return null;
  const times = steps.epochs;
  const work = {
    tokens: rows.tokens * times,
    targetTokens: rows.targetTokens * times,
    squaredTokens: rows.squaredTokens * times,
  };
  const patches = rows.imageTokens * shape.vision.merge ** 2;
  const images = { images: rows.images * times, patchesPerImage: rows.images === 0 ? 0 : patches / rows.images };
  const flops = trainingFlops(shape, tuneParameters(shape, spec.tuning), spec.tuning, work, images);
  const teraflops = spec.precision === "bfloat16" ? device.bfloat16Teraflops : device.float32Teraflops;
  const seconds = flops / (teraflops * 1e12 * utilisation);
  const ranks = ranksOf(spec);
  return {
    flops,
    utilisation,
    teraflops,
    deviceHours: seconds / 3_600,
    wallHours: seconds / 3_600 / ranks,
    secondsPerStep: seconds / ranks / steps.steps,
    tokensPerSecondPerRank: work.tokens / seconds,
  };
}

function planPreset(spec: Sft): PresetPlan | null {
  const found = presetOf(spec);
  if (found === undefined) return null;
  const { contradictions, cost } = found.preset;
  return { name: found.name, assumed: keptAssumptions(spec, found.preset), contradictions, cost };
}
