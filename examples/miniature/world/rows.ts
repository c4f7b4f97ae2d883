import type { Drawing } from "./drawing.js";
import type { PageFacts } from "./facts.js";
import type { Language } from "./grammar.js";

/** What training rows and benchmark items have in common; `facts` are what the images really show. */
interface Question {
  id: string;
  language: Language;
  prompt: string;
  requiredLength: number;
  images: { drawing: Drawing }[];
  facts: PageFacts[];
}

export interface MiniatureRow extends Question {
  target: string;
}

export interface MiniatureItem extends Question {
  task: string;
}
