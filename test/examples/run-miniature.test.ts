import { describe, expect, test } from "vitest";
import { generated, userFunction } from "longform";
import miniature from "../../examples/miniature/experiment.js";
import type { RunOutcome } from "../../sdk/client/run.js";
import { planStages } from "../../sdk/plan/stages.js";
import { Experiment } from "../../sdk/spec/experiment.js";
import { PATIENCE_MS, runsFolder, WatchedRun } from "../e2e/watched-run.js";

// Two to four minutes on two free cores: the real experiment, as `npm run demo` runs it.
describe("the miniature experiment", { timeout: 4 * PATIENCE_MS }, () => {
  let runs: string;
  let results: string;

  async function ended(experiment: Experiment): Promise<{ run: WatchedRun; outcome: RunOutcome }> {
    const run = await WatchedRun.begin(experiment, runs);
    const outcome = await run.end(4 * PATIENCE_MS);
    expect(outcome.state, JSON.stringify(outcome.failure)).toBe("finished");
    return { run, outcome };
  }

  function bench(outcome: RunOutcome, stage: string) {
    const found = outcome.results?.benches.find((one) => one.stage === stage);
    if (found === undefined) throw new Error(`no results of ${stage}`);
    return found;
  }

  function meanOf(mean: { readonly status: string; readonly value?: number }): number {
    return mean.value ?? Number.NaN;
  }

  test("makes short and true writers long ones, with every text judged and every gate passed", async () => {
    runs = await runsFolder();
    const { run, outcome } = await ended(miniature);
    results = await run.results();
    const [before, after] = [bench(outcome, "before"), bench(outcome, "after")];
    expect(meanOf(before.score.scores.length)).toBeLessThan(25);
    expect(meanOf(after.score.scores.length)).toBeGreaterThan(75);
    expect(meanOf(before.measures["trueFacts"]?.mean ?? { status: "" })).toBeGreaterThanOrEqual(0.9);
    for (const { score } of [before, after]) {
      expect(score.samples).toBeGreaterThan(0);
      expect(score.verdicts).toMatchObject({ judged: score.samples });
      expect(score.scores.quality).toMatchObject({ n: score.items, denominator: score.items });
    }
    const gated = miniature.stages.filter((stage) => stage.kind === "sft" && stage.gate !== undefined);
    expect(gated.length).toBeGreaterThan(0);
    const gates = await run.eventsOf("gate");
    for (const { name } of gated)
      expect(gates.filter(({ stage }) => stage === name).at(-1), `gate of ${name}`).toMatchObject({ passed: true });
    await run.expectNothingLeft();
  });

  test("comes out of the cache when it runs again, in seconds", async () => {
    const { run, outcome } = await ended(miniature);
    expect(await run.eventsOf("stage_cached")).toHaveLength(planStages(miniature).length);
    expect(await run.eventsOf("agent_started")).toEqual([]);
    expect(await run.results()).toBe(results);
    expect(outcome.report).toBeDefined();
  });

  test("looks at the pages: with swapped images the base model tells the new facts and not the old ones", async () => {
    const { run, outcome } = await ended(swapped());
    expect((await run.eventsOf("stage_started")).map(({ kind }) => kind)).toEqual([
      "import",
      "generate",
      "judge",
      "score",
    ]);
    const { measures } = bench(outcome, "before");
    expect(meanOf(measures["shown"]?.mean ?? { status: "" })).toBeGreaterThanOrEqual(0.9);
    // By chance: one of four counts, one of six colours, one of three shapes.
    expect(meanOf(measures["gone"]?.mean ?? { status: "" })).toBeLessThan(0.4);
  });
});

/** The experiment up to the benchmark of its base model, whose items have the images of other ones. */
function swapped(): Experiment {
  const module = new URL("./miniature/swapped-images.ts", import.meta.url);
  const measures = { shown: userFunction(module, "factsShown"), gone: userFunction(module, "factsGone") };
  const trainings = miniature.stages.filter(({ kind, name }) => kind === "sft" && name !== "sft");
  const benches = miniature.stages.flatMap((stage) => {
    if (stage.kind !== "mmLongBenchWrite" || stage.name !== "before" || stage.items.kind !== "generated") return [];
    return [{ ...stage, items: generated(module, "swappedItems", stage.items.arguments), measures }];
  });
  return Experiment.parse({ ...miniature, name: "miniature-swapped", stages: [...trainings, ...benches] });
}
