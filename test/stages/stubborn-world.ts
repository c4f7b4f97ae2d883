// User functions that keep whoever calls them waiting, each at the place that the experiment names.
import { existsSync, writeFileSync } from "node:fs";
import type { BenchItem, JudgeRequest } from "longform";
import { items as plainItems, judge as plainJudge } from "../e2e/micro/world.js";

interface Gate {
  /** Written by the function that is stubborn, when it is called. */
  readonly reached: string;
  /** What it waits for. */
  readonly opened: string;
}

/** Items that carry the gate to the judge and the measure. */
export function items(gate: Gate) {
  return plainItems({ count: 2, sentences: 1 }).map((item) => ({ ...item, ...gate }));
}

export function stubbornItems(gate: Gate) {
  waitAt(gate);
  return items(gate);
}

export function stubbornJudge(request: JudgeRequest): string {
  waitAt(gateOf(request.item));
  return plainJudge(request);
}

export function stubbornMeasure(item: BenchItem): number {
  waitAt(gateOf(item));
  return 1;
}

/** A judge with more to say than a small disk holds. */
export function wordyJudge(request: JudgeRequest): string {
  return `${plainJudge(request)}\n${Array.from({ length: 2_000_000 }, (_, index) => index).join(" ")}`;
}

export function oddMeasure(): number {
  throw new RangeError("it counts nothing");
}

function gateOf(item: BenchItem): Gate {
  return { reached: String(item["reached"]), opened: String(item["opened"]) };
}

/** Computes, without a pause, until the gate is opened. */
function waitAt({ reached, opened }: Gate): void {
  writeFileSync(reached, "");
  while (!existsSync(opened));
}
