import type { Drawing } from "longform";
import type { PageFacts } from "./facts.js";
import type { Language } from "./grammar.js";

/** What training rows and benchmark items have in common; `facts` are what the images really show. */
interface Question {
  readonly id: string;
  readonly language: Language;
  readonly prompt: string;
  readonly requiredLength: number;
  readonly images: readonly { readonly drawing: Drawing }[];
  readonly facts: readonly PageFacts[];
  readonly [further: string]: unknown;
}

export interface MiniatureRow extends Question {
  readonly target: string;
}

export interface MiniatureItem extends Question {
  readonly task: string;
}
