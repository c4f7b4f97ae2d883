import type { BenchResult } from "../../run-folder/results.js";
import { type Html, html } from "../html.js";
import { chart, seriesClass } from "./frame.js";

/** Words written against words asked for, a mark a text; on the diagonal the two are equal. */
export function lengthScatter(benches: readonly BenchResult[]): Html {
  const rows = benches.flatMap(({ score }) => score.rows);
  const longest = Math.max(...rows.map(({ requiredLength, words }) => Math.max(requiredLength, words)), 1);
  const axes = {
    title: "Words written against words asked for",
    x: { label: "words asked for", from: 0, to: longest },
    y: { label: "words written", from: 0, to: longest },
  };
  return chart(axes, ({ x, y }) => {
    const end = Math.min(x.domain()[1] ?? longest, y.domain()[1] ?? longest);
    const marks = benches.flatMap(({ score }, index) =>
      score.rows.map(
        (row) =>
          html`<circle class="${seriesClass(index)}" cx="${x(row.requiredLength).toFixed(1)}" cy="${y(row.words).toFixed(1)}" r="3"/>`,
      ),
    );
    return [html`<line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(end)}" y2="${y(end)}"/>`, ...marks];
  });
}
