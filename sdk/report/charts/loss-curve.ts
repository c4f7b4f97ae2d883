import { type Html, html } from "../html.js";
import type { ReportTraining } from "../run-report.js";
import { chart } from "./frame.js";

/** Loss over steps, every step a point of the thin line and a running mean over the bold one; gates as marks. */
export function lossCurve(training: ReportTraining): Html {
  const { curve, gates } = training;
  const last = curve.at(-1)?.step ?? 1;
  const highest = Math.max(...curve.map(({ loss }) => loss), 0.001);
  const axes = {
    title: `Loss of ${training.stage}`,
    x: { label: "optimizer step", from: 0, to: last },
    y: { label: "loss, nats per target token", from: 0, to: highest },
  };
  return chart(axes, ({ x, y }) => {
    const path = (points: readonly { step: number; loss: number }[]) =>
      points.map(({ step, loss }) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
    const marks = gates.map(
      ({ step, value, passed }) =>
        html`<g class="${passed ? "passed" : "missed"}"><line x1="${x(step)}" x2="${x(step)}" y1="${y.range()[0] ?? 0}" y2="${y.range()[1] ?? 0}"/><title>gate at step ${step}: ${value.toFixed(3)}</title></g>`,
    );
    return [
      html`<g class="gates">${marks}</g><polyline class="thin series-0" points="${path(curve)}"/><polyline class="bold series-0" points="${path(smoothed(curve))}"/>`,
    ];
  });
}

/** Exponential running mean, corrected for its start. */
function smoothed(curve: ReportTraining["curve"]): { step: number; loss: number }[] {
  const keep = 0.9;
  let sum = 0;
  let weight = 0;
  return curve.map(({ step, loss }) => {
    sum = keep * sum + loss;
    weight = keep * weight + 1;
    return { step, loss: sum / weight };
  });
}
