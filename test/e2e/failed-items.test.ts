import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { itemCount, judgeNamed, samplesPerItem, scripted } from "./micro/experiments.js";
import { writeScript } from "./micro/script.js";
import { PATIENCE_MS, runsFolder, WatchedRun } from "./watched-run.js";

const wanted = itemCount * samplesPerItem;

describe("what goes wrong with one item", { timeout: PATIENCE_MS }, () => {
  /** An experiment run to its end, and what it came to. */
  async function ended(experiment: ReturnType<typeof scripted>, runs: string) {
    const run = await WatchedRun.begin(experiment, runs);
    const outcome = await run.end();
    return { run, outcome, score: outcome.results?.benches[0]?.score };
  }

  test("an engine's error of one text is counted and no score, and only that text is asked for again", async () => {
    const runs = await runsFolder();
    const failure = { kind: "request_error", after_tokens: 3, request: "item-2#1", failure: "device_oom" } as const;
    const spec = scripted(writeScript(runs, 0, [failure]));
    const first = await ended(spec, runs);
    expect(first.outcome.state).toBe("finished");
    expect(first.score).toMatchObject({
      items: itemCount,
      samples: wanted,
      finishes: { stop: 0, length: wanted - 1, error: 1 },
      verdicts: { judged: wanted - 1, skipped: 1, error: 0 },
      rates: { failure: { count: 1, of: wanted } },
      scores: { length: { n: itemCount, denominator: itemCount, samples: wanted - 1 } },
    });
    const again = await ended(spec, runs);
    expect(again.run.runDir).not.toBe(first.run.runDir);
    const why = "1 of its texts failed and are asked for again";
    expect((await again.run.eventsOf("stage_started"))[0]).toMatchObject({ stage: "bench/texts", why });
    expect(await again.run.eventsOf("sample_done")).toMatchObject([
      { item: "item-2", sample: 1, finish: "error", failure: { code: "device_oom" } },
    ]);
    expect(again.score).toEqual(first.score);
  });

  test("an item that does not fit into the engine's window fails alone and does not come out of the cache", async () => {
    const runs = await runsFolder();
    const script = writeScript(runs, 0);
    // A prompt of 34 to 36 tokens, one to three images, 48 tokens of text: only decks of one page fit.
    const small = (maxTokens: number) =>
      scripted(script, { engine: { kind: "scripted", script, maxBatchSequences: 2, maxTokens } });
    const { run, outcome, score } = await ended(small(80), runs);
    expect(outcome.state, JSON.stringify(outcome.failure)).toBe("finished");
    const failed = (await run.eventsOf("sample_done")).filter(({ finish }) => finish === "error");
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(wanted);
    for (const { failure } of failed) expect(failure).toMatchObject({ code: expect.stringMatching(/_refused$/) });
    expect(score).toMatchObject({ samples: wanted, finishes: { error: failed.length } });
    expect(score?.scores.length).toMatchObject({
      denominator: itemCount,
      n: itemCount - failed.length / samplesPerItem,
    });
    const again = await ended(small(80), runs);
    expect(await again.run.eventsOf("sample_done")).toHaveLength(failed.length);
  });

  test("an item with more images than the policy allows is refused before anything is written", async () => {
    const runs = await runsFolder();
    const visionPolicy = { minPixels: 784, maxPixels: 784, maxImages: 2 };
    const { run, outcome } = await ended(scripted(writeScript(runs, 0), { visionPolicy }), runs);
    expect(outcome).toMatchObject({
      state: "failed",
      // Every item has three: all of them are named at once.
      failure: {
        code: "data_refused",
        detail: expect.stringContaining("at most 2 images"),
        facts: { rows: expect.stringContaining("item-0"), found: expect.stringContaining("images") },
      },
    });
    expect(await run.eventsOf("sample_done")).toEqual([]);
    await run.expectNothingLeft();
  });

  test("a judge that fails on one item leaves it out of S_q, counts it, and is asked again", async () => {
    const runs = await runsFolder();
    const spec = scripted(writeScript(runs, 0), { judge: judgeNamed("judgeWithHole") });
    const first = await ended(spec, runs);
    expect(first.score).toMatchObject({
      verdicts: { judged: wanted - samplesPerItem, error: samplesPerItem },
      scores: {
        length: { n: itemCount, denominator: itemCount },
        quality: { n: itemCount - 1, denominator: itemCount, samples: wanted - samplesPerItem },
      },
    });
    const again = await ended(spec, runs);
    expect(await again.run.eventsOf("agent_started")).toEqual([]);
    expect(await again.run.eventsOf("verdict")).toMatchObject(
      Array.from({ length: samplesPerItem }, () => ({
        item: "item-1",
        verdict: "error",
        failure: { code: "user_code" },
      })),
    );
  });

  test("a judge that never answers ends the run as judge_unreachable; a mended one is asked about the same texts", async () => {
    const runs = await runsFolder();
    const script = writeScript(runs, 0);
    const { run, outcome } = await ended(scripted(script, { judge: judgeNamed("absentJudge") }), runs);
    expect(outcome).toMatchObject({
      state: "failed",
      failure: { code: "judge_unreachable", detail: expect.stringContaining("nobody is here") },
    });
    await run.expectNothingLeft();
    const mended = await ended(scripted(script), runs);
    expect(mended.outcome.state).toBe("finished");
    expect(await mended.run.eventsOf("agent_started")).toEqual([]);
    expect(mended.score?.verdicts).toMatchObject({ judged: wanted });
  });

  test("a row that does not fit ends the run before an engine is started, naming file, line and field", async () => {
    const runs = await runsFolder();
    const path = join(runs, "items.jsonl");
    const item = { id: "a", language: "en", task: "t", prompt: "Describe it.", images: [] };
    writeFileSync(
      path,
      [
        { ...item, requiredLength: 20 },
        { ...item, id: "b", requiredLength: 0 },
      ]
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(""),
    );
    const items = { kind: "records", path } as const;
    const { run, outcome } = await ended(scripted(writeScript(runs, 0), { items }), runs);
    expect(outcome).toMatchObject({
      state: "failed",
      failure: { code: "data_refused", facts: { file: path, row: "line 2", field: "requiredLength", found: "0" } },
    });
    expect(await run.eventsOf("agent_started")).toEqual([]);
  });
});
