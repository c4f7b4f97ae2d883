import type { SftInput } from "../spec/sft.js";
import type { ModelPart } from "../spec/tuning.js";
import type { KeyReader } from "./key-reader.js";

/** Keys that freeze a part, and what holds where the file says nothing. */
const PARTS = [
  { key: "freeze_vision_tower", part: "vision", frozen: true },
  { key: "freeze_multi_modal_projector", part: "merger", frozen: true },
  { key: "freeze_language_model", part: "language", frozen: false },
] as const;

const ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"];
const FEED_FORWARD = ["gate_proj", "up_proj", "down_proj"];

/** Which weights move. */
export function tuning(keys: KeyReader): Partial<SftInput> {
  const kind = keys.text("finetuning_type");
  if (kind !== undefined && kind !== "full" && kind !== "lora")
    keys.refuse(
      "finetuning_type",
      "full and lora are the ways; full with freeze_vision_tower and the like freezes parts",
    );
  else if (kind === undefined) keys.assumed("finetuning_type", "lora", ["tuning"]);
  else keys.taken("finetuning_type", "tuning");
  const field = kind === "full" ? "tuning.frozenParts" : "tuning.targets";
  const frozen = PARTS.filter(({ key, frozen: otherwise }) => isFrozen(keys, key, otherwise, field)).map(
    ({ part }) => part,
  );
  if (frozen.length === PARTS.length) keys.refuse("freeze_language_model", "leave a part that learns");
  return { tuning: kind === "full" ? full(keys, frozen) : lora(keys, frozen) };
}

function isFrozen(keys: KeyReader, key: string, otherwise: boolean, field: string): boolean {
  const value = keys.flag(key);
  if (value === undefined) {
    if (otherwise && keys.value(key) === undefined) keys.assumed(key, otherwise, [field]);
  } else keys.taken(key, field);
  return value ?? otherwise;
}

function full(keys: KeyReader, frozenParts: readonly ModelPart[]): SftInput["tuning"] {
  for (const key of ["lora_rank", "lora_alpha", "lora_dropout", "lora_target"])
    keys.ignored(key, "finetuning_type is full");
  return { kind: "full", frozenParts: [...frozenParts] };
}

function lora(keys: KeyReader, frozen: readonly ModelPart[]): SftInput["tuning"] {
  const rank = keys.takeNumber("lora_rank", "tuning.rank", 8) ?? 8;
  const alpha = keys.takeNumber("lora_alpha", "tuning.alpha", 2 * rank) ?? 2 * rank;
  const dropout = keys.takeNumber("lora_dropout", "tuning.dropout");
  const layers = layersOf(keys);
  const targets = PARTS.map(({ part }) => part).filter((part) => !frozen.includes(part));
  return {
    kind: "lora",
    rank,
    alpha,
    targets,
    ...(dropout === undefined ? {} : { dropout }),
    ...(layers === "all" ? {} : { layers }),
  };
}

/** Layers are chosen by kind: all of attention, all of the feed-forward part, or both. */
function layersOf(keys: KeyReader): "all" | "attention" | "feedForward" {
  const names = keys.list("lora_target");
  if (names === undefined || (names.length === 1 && names[0] === "all")) {
    keys.taken("lora_target", "tuning.layers");
    return "all";
  }
  const within = (group: readonly string[]) => names.every((name) => group.includes(name));
  const whole = (group: readonly string[]) => group.every((name) => names.includes(name));
  if (within([...ATTENTION, ...FEED_FORWARD]) && whole(ATTENTION) && whole(FEED_FORWARD)) {
    keys.taken("lora_target", "tuning.layers");
    return "all";
  }
  if (within(ATTENTION) || within(FEED_FORWARD)) {
    const group = within(ATTENTION) ? ATTENTION : FEED_FORWARD;
    if (whole(group)) keys.taken("lora_target", "tuning.layers");
    else keys.changed("lora_target", ["tuning.layers"], `adapters go on all of ${group.join(", ")}`);
    return within(ATTENTION) ? "attention" : "feedForward";
  }
  keys.refuse("lora_target", `give all, or names among ${ATTENTION.join(", ")}, or among ${FEED_FORWARD.join(", ")}`);
  return "all";
}
