import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A character is a token of the scripted engine: this is longer than a request of the micro benchmark may write. */
const text = "Page one shows a red box. Page two shows a blue one.";

export interface Fault {
  readonly kind: "request_error" | "error" | "signal";
  readonly after_tokens: number;
  readonly request?: string;
  readonly signal?: string;
  readonly failure?: string;
}

/** Writes a script for the scripted engine: one text for all, at this speed, with these faults. */
export function writeScript(folder: string, tokensPerSecond: number, faults: readonly Fault[] = []): string {
  const path = join(folder, "script.json");
  writeFileSync(path, JSON.stringify({ default: text, tokens_per_second: tokensPerSecond, faults }));
  return path;
}
