import { meanOverItems } from "longform/method";
import { expect, test } from "vitest";
import { scoreTable } from "../../runners/cli/score-table.js";
import { smallReport } from "../report/small-report.js";

test("a score and a measure tell their own n where it is not that of S", () => {
  const [bench] = smallReport().benches;
  if (bench === undefined) throw new Error("a report without benchmarks");
  expect(scoreTable([bench]).slice(0, 2)).toEqual([
    "benchmark                   S                           S_l                 S_q        n      trueFacts, %   profile",
    "before      50.8 [37.5, 59.2]   26.7 [0.0, 50.0] (n 3 of 4)   75.0 [75.0, 75.0]   2 of 4   50.0 (n 1 of 4)   strict",
  ]);
});

test("where every n is that of S it stands once", () => {
  const [bench] = smallReport().benches;
  if (bench === undefined) throw new Error("a report without benchmarks");
  const mean = meanOverItems([{ id: "a", value: 50 }], 1, { seed: "test" });
  const score = { ...bench.score, scores: { overall: mean, length: mean, quality: mean } };
  expect(scoreTable([{ ...bench, score, measures: {} }])[1]).toBe("before      50.0   50.0   50.0   1   strict");
});
