import type { BenchResult } from "../run-folder/results.js";
import { seriesClass } from "./charts/frame.js";
import { type Html, html } from "./html.js";
import { countText, differenceText, meanText, secondsText } from "./numbers.js";
import type { RunReport } from "./run-report.js";

/** S, S_l and S_q with n and interval, the user's measures, and how each moved. */
export function headlineTable({ benches, differences }: RunReport): Html {
  const measures = [...new Set(benches.flatMap((bench) => Object.keys(bench.measures)))];
  const rows = benches.map((bench, index) => {
    const { overall, length, quality } = bench.score.scores;
    const cells = [overall, length, quality].map((mean) => html`<td class="number">${meanText(mean)}</td>`);
    const extra = measures.map((name) => {
      const found = bench.measures[name];
      return html`<td class="number">${found === undefined ? "" : meanText(found.mean, 1, 100)}</td>`;
    });
    return html`<tr><td><span class="key ${seriesClass(index)}">${bench.stage}</span></td>${cells}<td class="number">${countText(overall)}</td>${extra}<td>${bench.score.profile}</td></tr>`;
  });
  const moves = differences.map(
    ({ from, to, length, quality }) =>
      html`<tr><td class="soft">${from} → ${to}</td><td></td><td class="number">${differenceText(length)}</td><td class="number">${differenceText(quality)}</td><td class="number">${length.n}</td>${measures.map(() => html`<td></td>`)}<td class="soft">paired</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>benchmark</th><th>S</th><th>S_l (length)</th><th>S_q (quality)</th><th>n</th>${measures.map((name) => html`<th>${measureTitle(name)}</th>`)}<th>profile</th></tr></thead><tbody>${rows}${moves}</tbody></table></div>`;
}

/** The three profiles side by side: which formula a number stands on is never a footnote. */
export function profileTable(benches: readonly BenchResult[]): Html {
  const rows = benches.flatMap((bench) =>
    Object.entries(bench.profiles).map(
      ([profile, { overall, length, quality }]) =>
        html`<tr><td>${bench.stage}</td><td>${profile}</td><td class="number">${meanText(overall)}</td><td class="number">${meanText(length)}</td><td class="number">${meanText(quality)}</td><td class="number">${countText(length)} / ${countText(quality)}</td></tr>`,
    ),
  );
  return html`<div class="scroll"><table><thead><tr><th>benchmark</th><th>profile</th><th>S</th><th>S_l</th><th>S_q</th><th>n of S_l / S_q</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** How texts and verdicts ended: every status with its count. */
export function statusTable(benches: readonly BenchResult[]): Html {
  const counts = (record: Readonly<Record<string, number>>) =>
    Object.entries(record)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ") || "none";
  const rows = benches.map(
    ({ stage, score }) =>
      html`<tr><td>${stage}</td><td>${score.samples}</td><td>${counts(score.finishes)}</td><td>${counts(score.verdicts)}</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>benchmark</th><th>texts</th><th>ended by</th><th>verdicts</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** Scores by language. */
export function languageTable(benches: readonly BenchResult[]): Html {
  const rows = benches.flatMap(({ stage, score }) =>
    score.byLanguage.map(
      ({ key, overall, length, quality }) =>
        html`<tr><td>${stage}</td><td>${key}</td><td class="number">${meanText(overall)}</td><td class="number">${meanText(length)}</td><td class="number">${meanText(quality)}</td><td class="number">${countText(overall)}</td></tr>`,
    ),
  );
  return html`<div class="scroll"><table><thead><tr><th>benchmark</th><th>language</th><th>S</th><th>S_l</th><th>S_q</th><th>n</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** What was done, what came out of the cache, and how long it took. */
export function stageTable({ stages }: RunReport): Html {
  const rows = stages.map(
    ({ id, kind, cached, seconds }) =>
      html`<tr><td>${id}</td><td>${kind}</td><td class="number">${cached ? "from the cache" : secondsText(seconds)}</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>stage</th><th>kind</th><th>time</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function measureTitle(name: string): string {
  return `${name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)}, %`;
}
