// Structural stand-ins until "longform" and "longform/method" export these.
export function lengthOf(text: string): number {
  return (text.match(/\p{Script=Han}|[a-zA-Z]+/gu) ?? []).length;
}
export interface JudgeRequest {
  readonly item: BenchItem;
  readonly text: string;
  readonly prompt: string;
  readonly verdictIndex: number;
}
export interface BenchItem {
  readonly id: string;
  readonly task: string;
  readonly language: "en" | "zh";
  readonly prompt: string;
  readonly requiredLength: number;
  readonly [extra: string]: unknown;
}
