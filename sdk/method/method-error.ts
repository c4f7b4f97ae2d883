/** What went wrong in a computation of the method, as data; `item` is the id of the record at fault. */
export type MethodFault =
  | { readonly code: "required_length_invalid"; readonly found: number; readonly item?: string }
  | { readonly code: "output_length_invalid"; readonly found: number }
  | { readonly code: "dimension_score_invalid"; readonly dimension: string; readonly found: string }
  | { readonly code: "value_not_finite"; readonly found: number; readonly item: string }
  | { readonly code: "record_duplicate"; readonly item: string; readonly sample: number }
  | {
      readonly code: "item_inconsistent";
      readonly item: string;
      readonly field: string;
      readonly first: string;
      readonly second: string;
    }
  | {
      readonly code: "ids_differ";
      readonly onlyInBaseline: readonly string[];
      readonly onlyInCandidate: readonly string[];
    }
  | {
      readonly code: "option_invalid";
      readonly option: string;
      readonly found: string;
      readonly expected: string;
    };

/** Thrown when the inputs of a formula have no meaningful result; `fault` holds the facts, `message` the sentence. */
export class MethodError extends Error {
  override readonly name = "MethodError";
  readonly fault: MethodFault;

  constructor(fault: MethodFault) {
    super(sentence(fault));
    this.fault = fault;
  }

  get code(): MethodFault["code"] {
    return this.fault.code;
  }
}

function sentence(fault: MethodFault): string {
  switch (fault.code) {
    case "required_length_invalid":
      return `Required length ${fault.found}${of(fault.item)} is not a length: give a finite number of words above zero.`;
    case "output_length_invalid":
      return `Output length ${fault.found} is not a length: give a finite number of words, zero or more.`;
    case "dimension_score_invalid":
      return `${fault.dimension} is ${fault.found}: expected an integer from 1 to 5.`;
    case "value_not_finite":
      return `The value of item "${fault.item}" is ${fault.found}: leave an item without a value out instead.`;
    case "record_duplicate":
      return `Item "${fault.item}" has sample ${fault.sample} twice: number the samples of an item, or drop the repeated record.`;
    case "item_inconsistent":
      return `Item "${fault.item}" has ${fault.field} ${fault.first} in one record and ${fault.second} in another: samples of one item share it; give different items different ids.`;
    case "ids_differ":
      return `A paired comparison needs the same items on both sides: ${list("baseline", fault.onlyInBaseline)}, ${list("candidate", fault.onlyInCandidate)}. Restrict both to the shared ids.`;
    case "option_invalid":
      return `Option ${fault.option} is ${fault.found}: expected ${fault.expected}.`;
  }
}

function of(item: string | undefined): string {
  return item === undefined ? "" : ` of item "${item}"`;
}

function list(side: string, ids: readonly string[]): string {
  const shown = ids.slice(0, 3).map((id) => `"${id}"`);
  const rest = ids.length > shown.length ? ", …" : "";
  return `${ids.length} only in the ${side}${shown.length > 0 ? ` (${shown.join(", ")}${rest})` : ""}`;
}
