import type { Audit } from "../../sdk/spec/audit.js";
import type { Bin, Distribution } from "./distribution.js";
import { count, percent } from "./plan-numbers.js";
import { textTable } from "./text-table.js";

/** A row that is not trained on as it is. */
export interface Offender {
  readonly id: string;
  readonly action: "capped" | "dropped" | "refused";
  readonly why: string;
  /** Null for a row that cannot be counted. */
  readonly tokens: number | null;
  readonly targetTokens: number | null;
  readonly cutCharacters: number;
}

/** What an audit has found out about the rows of one stage. */
export interface AuditedStage {
  readonly stage: string;
  readonly maxTokens: number;
  readonly tooLong: Audit["tooLong"];
  /** Rows that were counted, and of these the ones to train on as they are, shortened, left out, or refused. */
  readonly rows: {
    readonly counted: number;
    readonly kept: number;
    readonly capped: number;
    readonly dropped: number;
    readonly refused: number;
  };
  /** Of all counted rows. */
  readonly images: number;
  /** Over all counted rows; null when none could be counted. */
  readonly tokens: Distribution | null;
  readonly imageTokens: Distribution | null;
  readonly targetTokens: Distribution | null;
  /** Rows longer than `maxTokens`, before anything was done about it. */
  readonly longer: number;
  readonly offenders: readonly Offender[];
  /** What was found where another program's dataset was read. */
  readonly found: string | null;
  /** File with one JSON line for each row. */
  readonly report: string;
}

export interface AuditTextOptions {
  /** Width of the terminal. */
  readonly columns: number;
  /** Name every offender. */
  readonly all: boolean;
}

const NAMED_OFFENDERS = 20;

/** What an audit found, as lines of text: numbers, histograms, and the rows that something is wrong with. */
export function auditLines(audited: AuditedStage, { columns, all }: AuditTextOptions): readonly string[] {
  const { stage, rows, images, maxTokens, longer, tokens, targetTokens, found, report } = audited;
  return [
    `${stage}: ${several(rows.counted, "row")}, ${several(images, "image")}; ${trainedOn(audited)}`,
    "",
    ...numbers(audited),
    `longer than maxTokens (${count(maxTokens)}): ${count(longer)} of ${several(rows.counted, "row")} (${percent(longer / rows.counted)})`,
    ...histogram("tokens", tokens, columns, maxTokens),
    ...histogram("target tokens", targetTokens, columns),
    ...offenderLines(audited, all),
    "",
    ...(found === null ? [] : [`read    ${found}`]),
    `report  ${report}`,
  ];
}

/** Whether a training on these rows could start. */
export function trainable({ rows }: AuditedStage): boolean {
  return rows.refused === 0 && rows.kept + rows.capped > 0;
}

function several(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

function trainedOn({ rows }: AuditedStage): string {
  const { kept, capped, dropped, refused } = rows;
  if (kept === rows.counted) return "all can be trained on as they are";
  const parts = [
    `${count(kept)} as they are`,
    ...(capped > 0 ? [`${count(capped)} with a shorter prompt`] : []),
    ...(dropped > 0 ? [`${count(dropped)} left out`] : []),
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
  ];
  return parts.join(", ");
}

function numbers({ tokens, imageTokens, targetTokens }: AuditedStage): readonly string[] {
  const named = { tokens, "image tokens": imageTokens, "target tokens": targetTokens };
  const rows = Object.entries(named).flatMap(([name, of]) =>
    of === null ? [] : [[name, ...[of.total, of.min, of.median, of.p90, of.p99, of.max].map(count)]],
  );
  if (rows.length === 0) return ["no row could be counted"];
  return textTable(["", "total", "min", "median", "p90", "p99", "max"], rows);
}

/** Bars as wide as the terminal allows; a line where the limit lies. */
function histogram(name: string, of: Distribution | null, columns: number, limit?: number): readonly string[] {
  if (of === null) return [];
  const digits = count(of.bins.at(-1)?.to ?? 0).length;
  const places = of.bins.map(({ from, to }) => `${count(from).padStart(digits)} - ${count(to).padStart(digits)}`);
  const most = Math.max(...of.bins.map(({ rows }) => rows));
  const room = columns - 2 * digits - count(most).length - 8;
  const lines = of.bins.map(({ rows }, index) => `  ${places[index] ?? ""}  ${bar(rows, most, room)}`);
  return ["", `rows by ${name}`, ...(limit === undefined ? lines : marked(lines, of.bins, limit, digits))];
}

/** Any row at all has a bar. */
function bar(rows: number, most: number, room: number): string {
  if (rows === 0) return "0";
  const width = Math.max(1, Math.round((rows / most) * Math.max(1, room)));
  return `${"█".repeat(width)} ${count(rows)}`;
}

function marked(lines: readonly string[], bins: readonly Bin[], limit: number, digits: number): readonly string[] {
  const above = bins.findIndex(({ from }) => from > limit);
  const place = above < 0 ? lines.length : above;
  const far = above < 0 ? ", no row is longer" : "";
  const line = `  ${"-".repeat(2 * digits + 3)}  maxTokens ${count(limit)}${far}`;
  return [...lines.slice(0, place), line, ...lines.slice(place)];
}

function offenderLines({ offenders, tooLong, longer }: AuditedStage, all: boolean): readonly string[] {
  if (offenders.length === 0) return [];
  const shown = all ? offenders : offenders.slice(0, NAMED_OFFENDERS);
  const rows = shown.map((one) => [one.id, one.tokens === null ? "" : count(one.tokens), one.action, reason(one)]);
  const hidden = offenders.length - shown.length;
  return [
    "",
    ...(longer > 0 ? [`tooLong is "${tooLong}": ${TOO_LONG[tooLong]}`] : []),
    ...textTable(["row", "tokens", "", "why"], rows, [0, 2, 3]),
    ...(hidden > 0 ? [`… and ${count(hidden)} more: --all names them`] : []),
  ];
}

function reason({ action, why, cutCharacters }: Offender): string {
  return action === "capped" ? `${why}; its prompt loses ${several(cutCharacters, "character")}` : why;
}

const TOO_LONG: Readonly<Record<Audit["tooLong"], string>> = {
  refuse: "a training does not start while a row is longer than maxTokens",
  drop: "longer rows are left out",
  cap: "the prompt of a longer row loses words at its end until the row fits; images and target stay whole",
};
