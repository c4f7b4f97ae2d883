import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { environmentPython, packageRoot } from "#environments";
import { RunEvent } from "../../sdk/run-folder/events.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { jsonLines, longform } from "../cli/command.js";
import { PATIENCE_MS, runsFolder } from "../e2e/watched-run.js";

// One folder of runs: all three examples share their rows and the model that they start from.
let runs: string | undefined;
const exported: string[] = [];

const Outcome = z.looseObject({
  state: z.string(),
  runDir: z.string(),
  results: z.looseObject({ trainings: z.array(z.looseObject({ stage: z.string(), folder: z.string() })) }),
});

async function runExample(name: string) {
  runs ??= await runsFolder();
  const file = join("examples", `${name}.ts`);
  const { code, stdout, stderr } = await longform(["run", file, "--runs", runs, "--json"], { folder: packageRoot });
  expect(code, stdout.slice(-2_000) + stderr).toBe(0);
  const lines = jsonLines(stdout);
  const { runDir, results } = Outcome.parse(lines.at(-1)?.["outcome"]);
  const events = lines.slice(0, -1).map(({ event }) => RunEvent.parse(event));
  exported.push(...results.trainings.map(({ folder }) => join(runPaths(runDir).blobs, "trees", folder)));
  return { events, steps: events.flatMap((event) => (event.type === "step" ? [event] : [])) };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test.each([
  ["sft-zero2", { steps: 12, ranks: 2, checkpoints: 0 }],
  ["sft-zero3", { steps: 12, ranks: 2, checkpoints: 1 }],
  ["sft-lora", { steps: 16, ranks: 1, checkpoints: 0 }],
])(
  "examples/%s.ts trains: its loss falls by a quarter",
  async (name, { steps: count, ranks, checkpoints }) => {
    const { events, steps } = await runExample(name);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    for (const step of steps) expect(step.ranks).toBe(ranks);
    const losses = steps.map(({ loss }) => loss);
    expect(mean(losses.slice(-3))).toBeLessThan(0.75 * mean(losses.slice(0, 1)));
    expect(events.filter(({ type }) => type === "checkpoint").length).toBeGreaterThanOrEqual(checkpoints);
  },
  PATIENCE_MS,
);

test(
  "what they export opens in plain transformers, every weight in its place, and writes about an image",
  async () => {
    expect(exported).toHaveLength(3);
    const program = fileURLToPath(new URL("./open_models.py", import.meta.url));
    const { stdout } = await promisify(execFile)(environmentPython("train"), [program, ...exported], {
      env: { ...process.env, OMP_NUM_THREADS: "1", HF_HUB_OFFLINE: "1" },
    });
    expect(stdout).toBe("1 token, 1 of the image, 0 keys missing or too many\n".repeat(3));
  },
  PATIENCE_MS,
);
