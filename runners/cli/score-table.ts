import type { Mean } from "../../sdk/method/index.js";
import { countText, meanText } from "../../sdk/report/numbers.js";
import type { BenchResult } from "../../sdk/run-folder/results.js";
import { textTable } from "./text-table.js";

/** The scores of each benchmark with 95 % intervals, as lines of text; none without a benchmark. */
export function scoreTable(benches: readonly BenchResult[]): string[] {
  if (benches.length === 0) return [];
  const measures = [...new Set(benches.flatMap((bench) => Object.keys(bench.measures)))];
  const rows = benches.map(({ stage, score, measures: found }) => {
    const { overall, length, quality } = score.scores;
    const cell = (mean: Mean, scale = 1) => {
      const own = countText(mean) === countText(overall) ? "" : ` (n ${countText(mean)})`;
      return `${meanText(mean, 1, scale)}${own}`;
    };
    const extra = measures.map((name) => {
      const mean = found[name]?.mean;
      return mean === undefined ? "" : cell(mean, 100);
    });
    return [stage, cell(overall), cell(length), cell(quality), countText(overall), ...extra, score.profile];
  });
  const header = ["benchmark", "S", "S_l", "S_q", "n", ...measures.map((name) => `${name}, %`), "profile"];
  return [
    ...textTable(header, rows, [0, header.length - 1]),
    "S is the mean of S_l (length) and S_q (quality), 0 to 100; in brackets 95 % intervals over items.",
  ];
}
