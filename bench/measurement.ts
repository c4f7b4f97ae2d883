import { cpus, totalmem } from "node:os";

/** What one bench has found: the last line that it prints. */
export interface Measurement {
  readonly name: string;
  readonly ours: number;
  /** The other side, or the limit where there is none. */
  readonly theirs: number;
  readonly unit: string;
  /** `ours` over `theirs`. */
  readonly ratio: number;
  /** The ratio to reach, as text: `<= 1`. */
  readonly target: string;
  readonly holds: boolean;
  /** Repeats. */
  readonly n: number;
  readonly machine: string;
}

/** One row of the list of numbers to reach. */
export interface Bench {
  readonly name: string;
  /** What is measured, against what. */
  readonly what: string;
  /** Measures; `say` prints a line for people, such as the spread of the repeats. */
  readonly measure: (say: (line: string) => void) => Promise<Omit<Measurement, "name" | "machine">>;
}

/** The middle of the values; the mean of the two in the middle for an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.ceil((sorted.length - 1) / 2)],
  ];
  return (low + high) / 2;
}

/** The smallest, the middle and the largest value. */
export function spread(values: readonly number[], digits = 3): string {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${lowest.toFixed(digits)} to ${highest.toFixed(digits)})`;
}

/** The machine in words: a number means nothing without it. */
export function machine(): string {
  const [processor] = cpus();
  const gigabytes = Math.round(totalmem() / 1e9);
  return `${cpus().length} x ${processor?.model.trim() ?? "unknown processor"}, ${gigabytes} GB, Node ${process.versions.node}`;
}
