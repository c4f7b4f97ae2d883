import type { Interval, Mean, PairedDifference, SampleScore, UnknownDifference } from "../method/index.js";

/** A mean with its interval: `84.6 [80.1, 88.9]`. */
export function meanText(mean: Mean, digits = 1, scale = 1): string {
  if (mean.status !== "estimated") return "no values";
  return `${(mean.value * scale).toFixed(digits)} ${intervalText(mean.interval, digits, scale)}`.trimEnd();
}

/** `n` of a mean, with its denominator where some values are missing. */
export function countText(mean: Mean): string {
  return mean.n === mean.denominator ? String(mean.n) : `${mean.n} of ${mean.denominator}`;
}

/** A difference with its sign and interval: `+12.3 [8.0, 16.4]`. */
export function differenceText(difference: PairedDifference | UnknownDifference): string {
  if (difference.status !== "estimated") return "no shared values";
  return `${difference.difference >= 0 ? "+" : "−"}${Math.abs(difference.difference).toFixed(1)} ${intervalText(difference.interval, 1, 1)}`.trimEnd();
}

/** The score of one sample, or why there is none. */
export function sampleScoreText(score: SampleScore): string {
  return score.status === "scored" ? score.value.toFixed(1) : score.reason.replaceAll("_", " ");
}

/** Seconds as people say them. */
export function secondsText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function intervalText(interval: Interval, digits: number, scale: number): string {
  return interval.status === "estimated"
    ? `[${(interval.lower * scale).toFixed(digits)}, ${(interval.upper * scale).toFixed(digits)}]`
    : "";
}
