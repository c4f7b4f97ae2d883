import { z } from "zod";
import { nearestKey } from "./nearest-key.js";

/** One field that does not fit. */
export interface SpecFinding {
  /** Dotted path of the field, such as `stages.0.optimizer.peakLearningRat`. */
  readonly path: string;
  /** What stands there, as JSON, shortened. */
  readonly found: string;
  /** What is expected there. */
  readonly expected: string;
  /** The key that was probably meant, when a key is unknown. */
  readonly nearest?: string;
}

/** A spec that does not fit its schema: every finding at once. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly findings: readonly SpecFinding[];

  constructor(findings: readonly SpecFinding[], options?: ErrorOptions) {
    super(findings.map(findingLine).join("\n"), options);
    this.findings = findings;
  }
}

/** One finding as a line for people. */
export function findingLine(finding: SpecFinding): string {
  const meant = finding.nearest === undefined ? "" : `; did you mean "${finding.nearest}"?`;
  return `${finding.path || "(the spec itself)"}: found ${finding.found}, expected ${finding.expected}${meant}`;
}

/** Parses a spec; a spec that does not fit throws a {@link SpecError} with all findings. */
export function parseSpec<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new SpecError(result.error.issues.flatMap((issue) => findingsOf(issue, schema, value)));
}

function findingsOf(issue: z.core.$ZodIssue, schema: z.ZodType, root: unknown): SpecFinding[] {
  if (issue.code === "unrecognized_keys") return unknownKeys(issue, schema, root);
  const value = valueAt(root, issue.path);
  const choices = choicesOf(issue);
  // A value of another type, such as "1" for 1, is no slip of the hand.
  const nearest = typeof value === "string" && !choices.includes(value) ? nearestKey(value, choices) : undefined;
  return [
    {
      path: issue.path.join("."),
      found: shortJson(value),
      expected: choices.length > 0 ? oneOf(issue, choices) : expectationOf(issue),
      ...(nearest === undefined ? {} : { nearest }),
    },
  ];
}

function unknownKeys(issue: z.core.$ZodIssueUnrecognizedKeys, schema: z.ZodType, root: unknown): SpecFinding[] {
  const known = knownKeys(schema, issue.path, root);
  return issue.keys.map((key) => {
    const nearest = nearestKey(key, known);
    return {
      path: [...issue.path, key].join("."),
      found: `the unknown key "${key}"`,
      expected: known.length === 0 ? "no such key" : `one of ${known.join(", ")}`,
      ...(nearest === undefined ? {} : { nearest }),
    };
  });
}

/** The values that a field takes, where they can be counted. */
function choicesOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  if (issue.code === "invalid_union" && "options" in issue && Array.isArray(issue.options))
    return issue.options.map(String);
  return [];
}

function oneOf(issue: z.core.$ZodIssue, choices: readonly string[]): string {
  if (choices.length > 1) return `one of ${choices.join(", ")}`;
  const [only] = issue.code === "invalid_value" ? issue.values : choices;
  return typeof only === "string" ? `"${only}"` : String(only);
}

function expectationOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int" ? "a whole number" : `${article(issue.expected)} ${issue.expected}`;
    case "too_small":
      return customText(
        issue.message,
        `${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unitOf(issue.origin)}`,
      );
    case "too_big":
      return customText(
        issue.message,
        `${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unitOf(issue.origin)}`,
      );
    case "invalid_union":
      return customText(issue.message, "one of the forms that this field takes");
    case "invalid_value":
    case "invalid_format":
    case "not_multiple_of":
    case "unrecognized_keys":
    case "invalid_key":
    case "invalid_element":
    case "custom":
      return issue.message;
  }
}

/** zod's own sentences start so; anything else was written beside the bound and says more. */
function customText(message: string, standard: string): string {
  return /^(Too (small|big)|Invalid input)/.test(message) ? standard : message;
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? "an" : "a";
}

function unitOf(origin: string): string {
  if (origin === "string") return " characters";
  if (origin === "array") return " entries";
  return "";
}

function shortJson(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

/** The keys that the object at a path takes, read from the JSON Schema of the spec. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], root: unknown): string[] {
  let node: unknown = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  let value = root;
  for (const step of path) {
    node = pickBranch(node, value);
    node =
      typeof step === "number"
        ? member(node, "items")
        : (member(member(node, "properties"), String(step)) ?? member(node, "additionalProperties"));
    value = valueAt(value, [step]);
  }
  const properties = member(pickBranch(node, value), "properties");
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
}

/** Of a union, the branch whose `kind` is the value's. */
function pickBranch(node: unknown, value: unknown): unknown {
  const branches = member(node, "oneOf") ?? member(node, "anyOf");
  if (!Array.isArray(branches)) return node;
  const kind = valueAt(value, ["kind"]);
  return (
    branches.find((branch) => member(member(member(branch, "properties"), "kind"), "const") === kind) ?? branches[0]
  );
}

function member(node: unknown, key: string): unknown {
  return typeof node === "object" && node !== null ? Reflect.get(node, key) : undefined;
}
