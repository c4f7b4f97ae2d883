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
  const found = shortJson(valueAt(root, issue.path));
  const path = issue.path.join(".");
  switch (issue.code) {
    case "unrecognized_keys": {
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
    case "invalid_type":
      return [{ path, found, expected: issue.expected === "int" ? "a whole number" : `${article(issue.expected)} ${issue.expected}` }];
    case "invalid_value": {
      const values = issue.values.map(String);
      const nearest = nearestKey(String(valueAt(root, issue.path)), values);
      return [{ path, found, expected: values.length === 1 ? `"${values[0]}"` : `one of ${values.join(", ")}`, ...(nearest === undefined ? {} : { nearest }) }];
    }
    case "too_small":
      return [{ path, found, expected: customText(issue.message, `${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unitOf(issue.origin)}`) }];
    case "too_big":
      return [{ path, found, expected: customText(issue.message, `${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unitOf(issue.origin)}`) }];
    case "invalid_union": {
      const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      if (options.length > 0) {
        const nearest = nearestKey(String(valueAt(root, issue.path)), options);
        return [{ path, found, expected: `one of ${options.join(", ")}`, ...(nearest === undefined ? {} : { nearest }) }];
      }
      return [{ path, found, expected: "one of the forms that this field takes" }];
    }
    default:
      return [{ path, found, expected: issue.message }];
  }
}

/** zod's own sentences start so; anything else was written beside the bound and says more. */
function customText(message: string, standard: string): string {
  return /^Too (small|big)/.test(message) ? standard : message;
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
  const text = JSON.stringify(value) ?? String(value);
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
    node = typeof step === "number" ? member(node, "items") : (member(member(node, "properties"), String(step)) ?? member(node, "additionalProperties"));
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
  return branches.find((branch) => member(member(member(branch, "properties"), "kind"), "const") === kind) ?? branches[0];
}

function member(node: unknown, key: string): unknown {
  return typeof node === "object" && node !== null ? Reflect.get(node, key) : undefined;
}
