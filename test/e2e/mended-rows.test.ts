import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { firstSteps, training } from "./micro/experiments.js";
import { rows } from "./micro/world.js";
import { PATIENCE_MS, runsFolder, WatchedRun } from "./watched-run.js";

const jsonLines = (values: readonly object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");

test(
  "a training whose rows were mended begins anew and does not meet its old checkpoint",
  async () => {
    const folder = await runsFolder();
    const path = join(folder, "rows.jsonl");
    const written = rows({ count: 60, sentences: 1 });
    writeFileSync(path, jsonLines(written));
    const run = await WatchedRun.begin(training({ dataset: { kind: "records", path } }), folder);
    await run.until("checkpoint");
    await run.killRunner();
    expect(await run.end()).toMatchObject({ state: "interrupted" });
    const [first, ...others] = written;
    writeFileSync(path, jsonLines([{ ...first, target: "Page one shows a red square." }, ...others]));
    await run.resume();
    const { state, failure } = await run.end();
    expect({ state, failure }).toEqual({ state: "finished", failure: undefined });
    const steps = (await run.eventsOf("step")).map(({ step }) => step);
    expect(steps.filter((step) => step === 1)).toHaveLength(2);
    expect(steps.slice(-firstSteps)).toEqual(Array.from({ length: firstSteps }, (_, index) => index + 1));
    const stage = join(run.runDir, "stages", "first");
    expect(existsSync(join(stage, "work"))).toBe(false);
    expect(existsSync(join(stage, "logs", "engine.log"))).toBe(true);
  },
  PATIENCE_MS,
);
