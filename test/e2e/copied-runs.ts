import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { runsFolder } from "./watched-run.js";

const Kept = z.looseObject({ entry: z.looseObject({ kind: z.string() }) });

/** A folder of runs that knows everything another one has computed, but for some kinds of nodes. */
export async function copiedRuns(from: string, without: readonly string[]): Promise<string> {
  const to = await runsFolder();
  for (const part of [".blobs", ".cache"]) cpSync(join(from, part), join(to, part), { recursive: true });
  const cache = join(to, ".cache");
  for (const file of readdirSync(cache).filter((name) => name.endsWith(".json"))) {
    const { entry } = Kept.parse(JSON.parse(readFileSync(join(cache, file), "utf8")));
    if (without.includes(entry.kind)) rmSync(join(cache, file));
  }
  return to;
}
