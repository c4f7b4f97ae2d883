import type { RunEvent, StoredEvent } from "../../sdk/run-folder/events.js";

/** An event that carries a number. */
export function numbered(number: number): RunEvent {
  return { type: "progress", stage: "sft/rows", done: number, total: 1_000_000, unit: "rows — 行" };
}

/** The numbers that stored events carry. */
export function numbersOf(events: Iterable<StoredEvent>): number[] {
  return [...events].map(({ event }) => (event.type === "progress" ? event.done : Number.NaN));
}

export async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}
