import { type ScaleLinear, scaleLinear } from "d3-scale";
import { type Html, html } from "../html.js";

/** Size of a chart's drawing area and the room around it, in pixels. */
export const PLOT = { width: 420, height: 220, left: 52, right: 16, top: 14, bottom: 42 } as const;

/** Axes of a chart: what stands on them and how far they go. */
export interface Axes {
  readonly title: string;
  readonly x: { readonly label: string; readonly from: number; readonly to: number };
  /** Without a label it has no ticks either: what stands there is named by the marks. */
  readonly y: { readonly label: string; readonly from: number; readonly to: number };
}

export interface Scales {
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
}

/** A chart with axes and ticks around the marks that `draw` gives. */
export function chart(axes: Axes, draw: (scales: Scales) => readonly Html[]): Html {
  const { width, height, left, right, top, bottom } = PLOT;
  const scales: Scales = {
    x: scaleLinear([axes.x.from, axes.x.to], [left, left + width]).nice(),
    y: scaleLinear([axes.y.from, axes.y.to], [top + height, top]).nice(),
  };
  const xTicks = scales.x
    .ticks(6)
    .map(
      (tick) =>
        html`<g transform="translate(${scales.x(tick)},${top + height})"><line y2="5"/><text y="18" text-anchor="middle">${scales.x.tickFormat(6)(tick)}</text></g>`,
    );
  const yTicks = (axes.y.label === "" ? [] : scales.y.ticks(5)).map(
    (tick) =>
      html`<g transform="translate(${left},${scales.y(tick)})"><line class="grid" x2="${width}"/><text x="-8" dy="0.32em" text-anchor="end">${scales.y.tickFormat(5)(tick)}</text></g>`,
  );
  return html`<svg class="chart" viewBox="0 0 ${left + width + right} ${top + height + bottom}" role="img" aria-label="${axes.title}">
<title>${axes.title}</title><g class="axis">${yTicks}${xTicks}<line x1="${left}" x2="${left + width}" y1="${top + height}" y2="${top + height}"/>
<text x="${left + width / 2}" y="${top + height + 37}" text-anchor="middle">${axes.x.label}</text>
<text transform="translate(12,${top + height / 2}) rotate(-90)" text-anchor="middle">${axes.y.label}</text></g>${draw(scales)}</svg>`;
}

/** Colour class of a series. */
export function seriesClass(index: number): string {
  return `series-${index % 4}`;
}
