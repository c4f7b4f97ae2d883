/** What becomes of one key. `assumed` is a key that the file leaves out, at the value it then has over there. */
export type KeyOutcome = "taken" | "changed" | "assumed" | "ignored" | "refused";

/** One key of the imported file. */
export interface KeyReport {
  readonly key: string;
  readonly value: unknown;
  readonly outcome: KeyOutcome;
  /** Fields of the spec that come from it. */
  readonly fields: readonly string[];
  /** Why it is changed, ignored or refused, and then what to do; empty when it is taken as it is. */
  readonly why: string;
}

/** Reads keys of a flat file by type and keeps what became of each. A key whose type does not fit is refused. */
export class KeyReader {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #reports = new Map<string, KeyReport>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** Keys that nothing has been said of. */
  get left(): readonly string[] {
    return Object.keys(this.#values).filter((key) => !this.#reports.has(key));
  }

  /** Reports in the order of the file, then those of keys that are not in it. */
  get reports(): readonly KeyReport[] {
    const order = Object.keys(this.#values);
    const place = ({ key }: KeyReport) => (order.includes(key) ? order.indexOf(key) : order.length);
    return [...this.#reports.values()].toSorted((one, other) => place(one) - place(other));
  }

  /** The value as it is; undefined when the key is absent or null. */
  value(key: string): unknown {
    return this.#values[key] ?? undefined;
  }

  number(key: string): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    // YAML 1.1 and 1.2 disagree about 1e-5: one of them reads text.
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && Number.isFinite(number)) return number;
    this.refuse(key, "give a number");
    return undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "boolean") return value;
    if (value === "true" || value === "false") return value === "true";
    this.refuse(key, "give true or false");
    return undefined;
  }

  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "string") return value?.trim();
    this.refuse(key, "give text");
    return undefined;
  }

  /** The parts of a list, or of text with commas. */
  list(key: string): readonly string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const parts = typeof value === "string" ? value.split(",") : value;
    if (Array.isArray(parts) && parts.every((part) => typeof part === "string"))
      return parts.map((part) => part.trim());
    this.refuse(key, "give names with commas between them");
    return undefined;
  }

  taken(key: string, ...fields: readonly string[]): void {
    this.#report(key, "taken", fields, "");
  }

  changed(key: string, fields: readonly string[], why: string): void {
    this.#report(key, "changed", fields, why);
  }

  ignored(key: string, why: string): void {
    this.#report(key, "ignored", [], why);
  }

  refuse(key: string, whatToDo: string): void {
    this.#report(key, "refused", [], whatToDo);
  }

  /** A number that becomes a field as it is; `assumed` is what holds over there when the file does not say. */
  takeNumber(key: string, field: string, assumed?: number): number | undefined {
    const value = this.number(key);
    if (value !== undefined) this.taken(key, field);
    else if (this.value(key) === undefined && assumed !== undefined) this.assumed(key, assumed, [field]);
    return value ?? assumed;
  }

  /** A key that the file leaves out and that nothing can stand in for. */
  missing(key: string, whatToDo: string): void {
    this.#reports.set(key, { key, value: undefined, outcome: "refused", fields: [], why: whatToDo });
  }

  /** A key that the file leaves out, at its default over there. */
  assumed(key: string, value: unknown, fields: readonly string[], why = ""): void {
    this.#reports.set(key, { key, value, outcome: "assumed", fields, why });
  }

  #report(key: string, outcome: KeyOutcome, fields: readonly string[], why: string): void {
    if (!(key in this.#values) || this.#reports.get(key)?.outcome === "refused") return;
    // Reports are printed and kept, and secrets never are.
    const value = /_(token|key|secret)$/.test(key) ? "…" : this.#values[key];
    this.#reports.set(key, { key, value, outcome, fields, why });
  }
}
