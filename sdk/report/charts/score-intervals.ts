import type { Mean } from "../../method/index.js";
import type { BenchResult } from "../../run-folder/results.js";
import { type Html, html } from "../html.js";
import { chart, PLOT, seriesClass } from "./frame.js";

/** S, S_l and S_q of every benchmark stage as points with their 95 % intervals. */
export function scoreIntervals(benches: readonly BenchResult[]): Html {
  const groups = [
    { label: "S", of: ({ score }: BenchResult) => score.scores.overall },
    { label: "S_l", of: ({ score }: BenchResult) => score.scores.length },
    { label: "S_q", of: ({ score }: BenchResult) => score.scores.quality },
  ];
  const axes = {
    title: "Scores with 95 % intervals",
    x: { label: "points of 100", from: 0, to: 100 },
    y: { label: "", from: 0, to: 1 },
  };
  const rowHeight = PLOT.height / groups.length;
  return chart(axes, ({ x }) =>
    groups.flatMap(({ label, of }, group) => {
      const top = PLOT.top + group * rowHeight;
      const marks = benches.map((bench, index) =>
        mark(of(bench), top + (rowHeight * (index + 1)) / (benches.length + 1), x, index),
      );
      return [
        html`<g><rect class="band" x="${PLOT.left}" y="${top}" width="${PLOT.width}" height="${rowHeight - 3}"/><text class="group" x="${PLOT.left - 8}" y="${top + rowHeight / 2}" dy="0.32em" text-anchor="end">${label}</text>${marks}</g>`,
      ];
    }),
  );
}

function mark(mean: Mean, y: number, x: (value: number) => number, index: number): Html {
  if (mean.status !== "estimated") return html``;
  const { interval } = mean;
  const bar =
    interval.status === "estimated"
      ? html`<line class="bold ${seriesClass(index)}" x1="${x(interval.lower)}" x2="${x(interval.upper)}" y1="${y}" y2="${y}"/>`
      : html``;
  return html`${bar}<circle class="${seriesClass(index)}" cx="${x(mean.value)}" cy="${y}" r="5"/><text class="value" x="${x(mean.value)}" y="${y - 8}" text-anchor="middle">${mean.value.toFixed(1)}</text>`;
}
