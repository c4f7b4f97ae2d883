import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { environmentVersions } from "../launch/environments.js";
import type { Finding } from "./doctor-checks.js";

const STALE_LOCK_MS = 600_000;

/** The libraries that some trainings need and others do without. */
export async function lookAtTrainingLibraries(): Promise<Finding> {
  const { deepspeed, peft } = await environmentVersions("train");
  const found = [
    deepspeed === undefined ? "no deepspeed, which ZeRO stages 1 to 3 need" : `deepspeed ${deepspeed}`,
    peft === undefined ? "no peft, which LoRA needs" : `peft ${peft}`,
  ];
  const whole = deepspeed !== undefined && peft !== undefined;
  // DeepSpeed says otherwise in its own messages.
  const text = `${found.join(", ")}; no compiler is needed, no operator of DeepSpeed's is ever built`;
  return whole
    ? { state: "ok", text }
    : {
        state: "absent",
        text,
        advice: "Run `longform setup`, or install them in the interpreter that you have named.",
      };
}

/**
 * Longform builds no operators. What else trains with this torch may, and a build that was killed leaves a file `lock`
 * for which every later one waits without a word.
 */
export async function lookAtTorchBuilds(): Promise<Finding> {
  const folder = process.env["TORCH_EXTENSIONS_DIR"] || join(homedir(), ".cache", "torch_extensions");
  const locks: { path: string; minutes: number }[] = [];
  for (const path of await locksBelow(folder)) {
    const ageMs = Date.now() - (await stat(path)).mtimeMs;
    if (ageMs > STALE_LOCK_MS) locks.push({ path, minutes: Math.floor(ageMs / 60_000) });
  }
  if (locks.length === 0) return { state: "ok", text: `no build in ${folder} was left unfinished` };
  const named = locks.map(({ path, minutes }) => `${path} (${minutes} minutes old)`);
  return {
    state: "absent",
    text: `${named.join(", ")}: left by a build that was killed, and every later build of this operator waits for it`,
    advice: `If no build is running: rm ${locks.map(({ path }) => path).join(" ")}`,
  };
}

async function locksBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name === "lock")
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    // Nothing was ever built.
    return [];
  }
}
