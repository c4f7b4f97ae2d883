import { lengthScatter } from "./charts/length-scatter.js";
import { lossCurve } from "./charts/loss-curve.js";
import { scoreIntervals } from "./charts/score-intervals.js";
import { type Html, html } from "./html.js";
import { secondsText } from "./numbers.js";
import type { ReportTraining, RunReport } from "./run-report.js";
import { sampleSection } from "./samples.js";
import { style } from "./style.js";
import { headlineTable, languageTable, profileTable, stageTable, statusTable } from "./tables.js";

/** A run as one HTML file that needs nothing else: no script, no other host. Equal data give equal bytes. */
export function renderReport(report: RunReport): string {
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${report.experiment} · Longform report</title>${style}</head><body>
<header><h1>${report.experiment}</h1><p class="soft">run ${report.run} · started ${report.started.slice(0, 16).replace("T", " ")} UTC · ${secondsText(report.seconds)}</p>${report.description === "" ? html`` : html`<p>${report.description}</p>`}</header>
${benchSection(report)}${trainingSection(report)}${sampleSections(report)}
<h2>How it was made</h2>${stageTable(report)}<p class="soft">Spec <code>${report.specSha256}</code>. ${versionsText(report)}</p>
</body></html>
`;
  return page.text;
}

function benchSection(report: RunReport): Html {
  const { benches } = report;
  if (benches.length === 0) return html``;
  return html`<h2>Scores</h2>${headlineTable(report)}
<p class="soft">S is the mean of S_l and S_q, each from 0 to 100. In brackets: 95 % bootstrap intervals over items; paired rows compare the same items.</p>
<div class="charts"><figure>${scoreIntervals(benches)}<figcaption>${legend(benches)} points with 95 % intervals</figcaption></figure>
<figure>${lengthScatter(benches)}<figcaption>${legend(benches)} dashed: as long as asked for</figcaption></figure></div>
<h3>By language</h3>${languageTable(benches)}<h3>Under every profile</h3>${profileTable(benches)}<h3>How texts and verdicts ended</h3>${statusTable(benches)}`;
}

function legend(benches: RunReport["benches"]): Html[] {
  return benches.map(({ stage }, index) => html`<span class="key series-${index % 4}">${stage}</span>`);
}

function trainingSection({ trainings }: RunReport): Html {
  if (trainings.length === 0) return html``;
  return html`<h2>Training</h2><div class="charts">${trainings.map((training) => html`<figure>${lossCurve(training)}<figcaption><strong>${training.stage}</strong>: ${trainingText(training)}</figcaption></figure>`)}</div>`;
}

function trainingText({ steps, targetTokens, finalLoss, gates }: ReportTraining): string {
  const gate = gates.at(-1);
  const passed =
    gate === undefined
      ? ""
      : `; gate ${gate.value.toFixed(3)} of at least ${gate.atLeast}, ${gate.passed ? "passed" : "missed"} (dashed lines: where it was measured)`;
  return `${steps} steps, ${targetTokens.toLocaleString("en")} target tokens, last loss ${finalLoss.toFixed(4)}${passed}`;
}

function sampleSections({ samples }: RunReport): Html {
  if (samples.length === 0) return html``;
  return html`<h2>Texts</h2><p class="soft">The first items of each task and language; pages as the model saw them, enlarged.</p>${samples.map(sampleSection)}`;
}

function versionsText({ versions }: RunReport): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}
