import {
  type Dimension,
  DIMENSIONS,
  type Judged,
  isDimensionScore,
  type Refused,
  type Unparsable,
} from "./quality-score.js";

/** One answer of a judge model. */
export interface JudgeReply {
  readonly text: string;
  /** The refusal field of APIs that have one. A refusal in prose has no scores and is unparsable. */
  readonly refusal?: string;
}

/** Far above what the 1,024 tokens of a judge can hold. */
const LONGEST_REPLY = 200_000;

/** Braces of a score object: itself, with room for a wrapper and for braces in its analysis. */
const DEEPEST_OBJECT = 3;

/**
 * Reads the six scores out of a judge's answer: a JSON object that stands alone, in a code fence,
 * inside another object or between sentences. Keys may differ from the dimension names in case and in
 * underscores for spaces; further keys are ignored. Values must be JSON integers from 1 to 5: a string,
 * a fraction, a list or a missing score makes the whole answer unparsable, never a partial score.
 * Several objects with scores must agree. Nothing is repaired or evaluated. Time is linear.
 */
export function parseJudgeReply(reply: JudgeReply): Judged | Refused | Unparsable {
  if (reply.refusal !== undefined && reply.refusal !== "") return { status: "refused", reason: reply.refusal };
  if (reply.text.length > LONGEST_REPLY)
    return unparsable(`the reply has ${reply.text.length} characters, expected at most ${LONGEST_REPLY}`);
  const [first, ...others] = bracedSpans(reply.text)
    .map(({ start, end }) => scoreFields(reply.text.slice(start, end)))
    .filter((fields) => fields !== undefined);
  if (first === undefined) return unparsable("no JSON object with any of the six dimensions was found in the reply");
  const different = others.find((fields) => DIMENSIONS.some(({ key }) => fields[key] !== first[key]));
  if (different !== undefined) return unparsable("the reply holds several score objects that disagree");
  return validated(first);
}

/** The values found under the names of the dimensions, not yet validated. */
type ScoreFields = Partial<Record<Dimension, unknown>>;

function validated(fields: ScoreFields): Judged | Unparsable {
  const problems: string[] = [];
  const read = (dimension: Dimension): number => {
    const value = fields[dimension];
    if (isDimensionScore(value)) return value;
    const found = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 40);
    const name = DIMENSIONS.find(({ key }) => key === dimension)?.name ?? dimension;
    problems.push(`${name}: expected an integer from 1 to 5, found ${found}`);
    return 0;
  };
  const scores = {
    relevance: read("relevance"),
    accuracy: read("accuracy"),
    coherence: read("coherence"),
    clarity: read("clarity"),
    breadthAndDepth: read("breadthAndDepth"),
    readingExperience: read("readingExperience"),
  };
  return problems.length > 0 ? unparsable(problems.join("; ")) : { status: "judged", scores };
}

function scoreFields(candidate: string): ScoreFields | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(candidate);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const fields: ScoreFields = {};
  for (const [key, value] of Object.entries(parsed)) {
    const name = key.trim().replaceAll("_", " ").toLowerCase();
    const dimension = DIMENSIONS.find((each) => each.name.toLowerCase() === name);
    if (dimension !== undefined)
      // The same dimension under two spellings has no single value; the list fails validation.
      fields[dimension.key] = dimension.key in fields ? [fields[dimension.key], value] : value;
  }
  return Object.keys(fields).length > 0 ? fields : undefined;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Every balanced pair of braces at most three deep, so that each character lies in at most three of
 * them. Braces inside a JSON string do not count; a string ends at a line break at the latest, so that
 * a lone quotation mark in prose does no harm.
 */
function bracedSpans(text: string): Span[] {
  const spans: Span[] = [];
  const open: { start: number; depth: number }[] = [];
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === "\\") index += 1;
      else if (character === '"' || character === "\n") inString = false;
    } else if (character === '"') {
      inString = open.length > 0;
    } else if (character === "{") {
      open.push({ start: index, depth: 1 });
    } else if (character === "}") {
      const closed = open.pop();
      if (closed === undefined) continue;
      if (closed.depth <= DEEPEST_OBJECT) spans.push({ start: closed.start, end: index + 1 });
      const around = open.at(-1);
      if (around !== undefined) around.depth = Math.max(around.depth, closed.depth + 1);
    }
  }
  return spans;
}

function unparsable(reason: string): Unparsable {
  return { status: "unparsable", reason };
}
