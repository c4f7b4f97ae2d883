import type { Drawing } from "longform";
import type { Random } from "longform/method";
import { type Colour, largestPage, type PageFacts, type Shape } from "./facts.js";
import { pick, shuffled } from "./random.js";

type DrawnShape = Drawing["shapes"][number];

// All lengths are pixels of the drawing; ingest makes a quarter of them, one patch of 14 a cell.
const side = 112;
const stripHeight = 16;
const cellWidth = 56;
const cellHeight = 48;
const margin = 2;

const ink: Readonly<Record<Colour, string>> = {
  red: "#d62728",
  blue: "#1f4fd6",
  green: "#1f9e3a",
  yellow: "#f2c500",
  purple: "#8e35c9",
  black: "#1a1a1a",
};
const papers = ["#f4f1e8", "#eaf1f7", "#f7ecf1"] as const;
const currentTab = "#1a1a1a";
const otherTab = "#dcdcdc";

/** Equal shapes in random cells of a 2x2 grid; below them a tab for each possible page, the page's own dark. */
export function drawingOf(facts: PageFacts, random: Random): Drawing {
  const percent = 78 + random.below(13);
  const cells = shuffled(random, [0, 1, 2, 3]).slice(0, facts.count);
  const shapes = cells.map((cell) => shapeIn(cell, facts, percent / 100, random));
  return {
    width: side,
    height: side,
    background: pick(random, papers),
    shapes: [...shapes, ...navigationTabs(facts.page)],
  };
}

function shapeIn(cell: number, { shape, colour }: PageFacts, scale: number, random: Random): DrawnShape {
  const [width, height] = sizeOf(shape, scale);
  const left = (cell % 2) * cellWidth + margin + random.below(cellWidth - width - 2 * margin + 1);
  const top = Math.floor(cell / 2) * cellHeight + margin + random.below(cellHeight - height - 2 * margin + 1);
  const box: DrawnShape["box"] = [left, top, left + width, top + height];
  if (shape === "ring") {
    return { kind: "ellipse", box, fill: null, outline: ink[colour], outlineWidth: Math.round(height / 5) };
  }
  return { kind: "rectangle", box, fill: ink[colour], outline: null, outlineWidth: 0 };
}

function sizeOf(shape: Shape, scale: number): [width: number, height: number] {
  const edge = Math.round(scale * cellHeight);
  switch (shape) {
    case "ring":
    case "square":
      return [edge, edge];
    case "bar":
      return [Math.round(scale * cellWidth), Math.round(edge / 3)];
  }
}

function navigationTabs(page: number): DrawnShape[] {
  const left = (tab: number) => Math.round((tab * side) / largestPage);
  return Array.from(
    { length: largestPage },
    (_, tab): DrawnShape => ({
      kind: "rectangle",
      box: [left(tab) + 1, side - stripHeight + 1, left(tab + 1) - 1, side - 1],
      fill: tab + 1 === page ? currentTab : otherTab,
      outline: null,
      outlineWidth: 0,
    }),
  );
}
