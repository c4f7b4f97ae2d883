import { expect, test } from "vitest";
import { singlePages } from "../../../examples/miniature/world.js";

const rows = singlePages({ seed: 4, count: 600 });

test("a page shows as many equal shapes as its facts say, each whole and inside a cell of its own", () => {
  for (const { facts, images } of rows) {
    const shown = (images[0]?.drawing.shapes ?? []).slice(0, -6);
    expect(shown).toHaveLength(facts[0]?.count ?? 0);
    const cells = shown.map(({ box: [left, top, right, bottom] }) => {
      expect([Math.floor(left / 56), Math.floor(top / 48)]).toEqual([Math.floor(right / 56), Math.floor(bottom / 48)]);
      return `${Math.floor(left / 56)},${Math.floor(top / 48)}`;
    });
    expect(new Set(cells).size).toBe(shown.length);
    const looks = shown.map(({ kind, fill, outline, outlineWidth, box: [left, top, right, bottom] }) =>
      JSON.stringify([kind, fill, outline, outlineWidth, right - left, bottom - top]),
    );
    expect(new Set(looks).size).toBe(1);
  }
});

test("one tab of six is dark: that of the page", () => {
  for (const { facts, images } of rows) {
    const tabs = (images[0]?.drawing.shapes ?? []).slice(-6);
    const dark = tabs.findIndex(({ fill }) => fill === "#1a1a1a");
    expect(dark + 1).toBe(facts[0]?.page);
    expect(new Set(tabs.map(({ fill }) => fill)).size).toBe(2);
    for (const { box } of tabs) expect(Math.min(...box) >= 0 && Math.max(...box) <= 112 && box[1] >= 96).toBe(true);
  }
});

test("each shape has a form and each colour an ink of its own, whatever its size and paper", () => {
  const inks = new Map<string, Set<string>>();
  for (const { facts, images } of rows) {
    const shape = images[0]?.drawing.shapes[0];
    const [page] = facts;
    if (shape === undefined || page === undefined) throw new Error("a page without a shape");
    const [left, top, right, bottom] = shape.box;
    const form = shape.kind === "ellipse" ? "ring" : right - left === bottom - top ? "square" : "bar";
    expect(form).toBe(page.shape);
    inks.set(page.colour, (inks.get(page.colour) ?? new Set()).add(shape.fill ?? shape.outline ?? ""));
  }
  expect([...inks.values()].map((ink) => ink.size)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(new Set([...inks.values()].flatMap((ink) => [...ink])).size).toBe(6);
});
