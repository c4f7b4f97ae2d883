import { type Html, html } from "./html.js";
import { sampleScoreText } from "./numbers.js";
import type { ReportSample, ReportText } from "./run-report.js";

/** An item: its pages as the model saw them, the request, and what each stage wrote. */
export function sampleSection(sample: ReportSample): Html {
  const pages = sample.images.map(
    (image, index) =>
      html`<figure><img src="${image}" alt="page ${index + 1}"><figcaption>${index + 1}</figcaption></figure>`,
  );
  return html`<section class="item"><h3>${sample.item} <span class="soft">· ${sample.task} · ${sample.language} · ${sample.requiredLength} words asked for</span></h3>
<p>${sample.prompt}</p><div class="pages">${pages}</div><div class="texts">${sample.texts.map(textSection)}</div></section>`;
}

function textSection({ stage, text, score, reply }: ReportText): Html {
  const verdict =
    reply === ""
      ? html``
      : html`<details><summary>What the judge said</summary><div class="text">${reply}</div></details>`;
  return html`<div><strong>${stage}</strong> <span class="soft">${score.words} words · ended by ${score.finish} · S_l ${sampleScoreText(score.length)} · S_q ${sampleScoreText(score.quality)}</span>
<div class="text">${text === "" ? html`<span class="soft">(no text)</span>` : text}</div>${verdict}</div>`;
}
