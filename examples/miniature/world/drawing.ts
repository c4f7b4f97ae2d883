import type { Colour, PageFacts, Shape } from "./facts.js";
import { largestPage } from "./facts.js";
import type { Random } from "./random.js";

type Box = [left: number, top: number, right: number, bottom: number];

/** A picture as data; the worker draws the shapes in their order. All lengths are pixels. */
export interface Drawing {
  width: number;
  height: number;
  background: string;
  shapes: DrawnShape[];
}

export interface DrawnShape {
  kind: "rectangle" | "ellipse";
  box: Box;
  fill: string | null;
  outline: string | null;
  outlineWidth: number;
}

const side = 112;
const stripHeight = side / 7;
const cellWidth = side / 2;
const cellHeight = (side - stripHeight) / 2;
const ink: Readonly<Record<Colour, string>> = {
  red: "#d62728",
  blue: "#1f4fd6",
  green: "#1f9e3a",
  yellow: "#f2c500",
  purple: "#8e35c9",
  black: "#1a1a1a",
};
const papers = ["#f4f1e8", "#eaf1f7", "#f7ecf1"] as const;
const [currentDot, otherDot] = ["#1a1a1a", "#c9c9c9"] as const;
const dotDiameter = 12;

/** Equal shapes in random cells of a 2x2 grid, and below them one dot per possible page, the page's own dark. */
export function drawingOf(facts: PageFacts, random: Random): Drawing {
  const scale = 0.78 + 0.12 * random.next();
  const cells = random.shuffled([0, 1, 2, 3]).slice(0, facts.count);
  return {
    width: side,
    height: side,
    background: random.pick(papers),
    shapes: [
      ...cells.map((cell) => shapeIn(cell, facts, scale, random)),
      ...navigationDots(facts.page),
    ],
  };
}

function shapeIn(cell: number, { shape, colour }: PageFacts, scale: number, random: Random): DrawnShape {
  const [width, height] = sizeOf(shape, scale);
  const left = (cell % 2) * cellWidth + random.below(cellWidth - width + 1);
  const top = Math.floor(cell / 2) * cellHeight + random.below(cellHeight - height + 1);
  const box: Box = [left, top, left + width, top + height];
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

function navigationDots(page: number): DrawnShape[] {
  const pitch = side / largestPage;
  return Array.from({ length: largestPage }, (_, index) => {
    const left = Math.round((index + 0.5) * pitch - dotDiameter / 2);
    const top = side - stripHeight + (stripHeight - dotDiameter) / 2;
    return {
      kind: "ellipse",
      box: [left, top, left + dotDiameter, top + dotDiameter],
      fill: index + 1 === page ? currentDot : otherDot,
      outline: null,
      outlineWidth: 0,
    };
  });
}
