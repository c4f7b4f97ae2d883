import { describe, expect, test, vi } from "vitest";
import { DIMENSIONS, parseJudgeReply } from "../../sdk/method/index.js";
import { sixScores } from "./six-scores.js";

const NAMES = DIMENSIONS.map(({ name }) => name);
const json = (values: readonly unknown[], more: object = {}) =>
  JSON.stringify({ ...more, ...Object.fromEntries(NAMES.map((name, index) => [name, values[index]])) });
const GOOD = json([5, 4, 3, 2, 1, 5]);
const JUDGED = { status: "judged", scores: sixScores([5, 4, 3, 2, 1, 5]) };
const containing = (part: string): unknown => expect.stringContaining(part);
const unparsable = (reason: string) => ({ status: "unparsable", reason: containing(reason) });
const parse = (text: string) => parseJudgeReply({ text });

describe("six integers are found", () => {
  test.each([
    ["alone", GOOD],
    ["over several lines", JSON.stringify(JSON.parse(GOOD), null, 2)],
    ["in a code fence", `\`\`\`json\n${GOOD}\n\`\`\``],
    ["after an analysis", `The text {mostly} follows the "request and drifts.\nScores:\n${GOOD}`],
    ["before a remark", `${GOOD}\nI hope this helps :}`],
    ["beside an analysis in the object", json([5, 4, 3, 2, 1, 5], { Analysis: 'uses "{" and } freely\n' })],
    ["inside another object", `{"scores": ${GOOD}}`],
    ["inside a list", `[${GOOD}]`],
    ["under lower-case keys with underscores", GOOD.toLowerCase().replaceAll(" ", "_")],
    ["twice, when both agree", `${GOOD} So again: ${GOOD}`],
    ["after a brace that never closes", `a set {1, 2\n${GOOD}`],
    ["after a brace and a quotation mark that never close", `a set {1, "2\n${GOOD}`],
    ["after a quotation mark in the same line", `on a 6" screen ${GOOD}`],
    ["written as 4.0, the same JSON number", GOOD.replace("4", "4.0")],
  ])("%s", (_, text) => {
    expect(parse(text)).toEqual(JUDGED);
  });
});

describe("an answer without six valid scores is unparsable and says why", () => {
  test.each([
    ["", "no JSON object"],
    ["I am sorry, I cannot judge this.", "no JSON object"],
    ["[5, 4, 3, 2, 1, 5]", "no JSON object"],
    ["{}", "no JSON object"],
    ["null", "no JSON object"],
    [GOOD.slice(0, -1), "no JSON object"],
    [GOOD.replaceAll('"', "'"), "no JSON object"],
    [GOOD.replace("5", "2+3"), "no JSON object"],
    ['{"Relevance": 5}', "Accuracy: expected an integer from 1 to 5, found nothing"],
    [json([5, "4", 3, 2, 1, 5]), 'Accuracy: expected an integer from 1 to 5, found "4"'],
    [json([5, 4.5, 3, 2, 1, 5]), "Accuracy: expected an integer from 1 to 5, found 4.5"],
    [json([0, 4, 3, 2, 1, 5]), "Relevance: expected an integer from 1 to 5, found 0"],
    [json([6, 4, 3, 2, 1, 5]), "Relevance: expected an integer from 1 to 5, found 6"],
    [json([5, 4, 3, true, 1, 5]), "Clarity: expected an integer from 1 to 5, found true"],
    [json([5, 4, 3, 2, null, 5]), "Breadth and Depth: expected an integer from 1 to 5, found null"],
    [json([5, 4, 3, 2, [1], 5]), "Breadth and Depth: expected an integer from 1 to 5, found [1]"],
    [json([5, 4, 3, 2, 1, 5], { relevance: 5 }), "Relevance: expected an integer from 1 to 5, found [5,5]"],
    [`${GOOD} or rather ${json([5, 5, 5, 5, 5, 5])}`, "disagree"],
    [`{"__proto__": ${GOOD.replace("5", '"5"')}}`, 'Relevance: expected an integer from 1 to 5, found "5"'],
  ])("%s", (text, reason) => {
    expect(parse(text)).toEqual(unparsable(reason));
  });

  test("every problem of one answer is named", () => {
    expect(parse(json([9, "x", 3, 2, 1, 5]))).toEqual({
      status: "unparsable",
      reason:
        'Relevance: expected an integer from 1 to 5, found 9; Accuracy: expected an integer from 1 to 5, found "x"',
    });
  });
});

test("the refusal field of the API wins over any text; an empty one is no refusal", () => {
  expect(parseJudgeReply({ text: GOOD, refusal: "I will not rate this." })).toEqual({
    status: "refused",
    reason: "I will not rate this.",
  });
  expect(parseJudgeReply({ text: GOOD, refusal: "" })).toEqual(JUDGED);
});

describe("hostile answers of 200,000 characters", () => {
  const deep = 33_000;
  test.each([
    ["open braces", "{".repeat(200_000)],
    ["nested empty braces", "{".repeat(100_000) + "}".repeat(100_000)],
    ["nested objects that end badly", `${'{"a":'.repeat(deep)}x${"}".repeat(deep)}`],
    ["quotes and backslashes", '{"\\'.repeat(66_000)],
  ])("of %s hand at most three times their length to the JSON parser", (_, text) => {
    const handing = vi.spyOn(JSON, "parse");
    expect(parse(text).status).toBe("unparsable");
    const handed = handing.mock.calls.reduce((sum, [candidate]) => sum + candidate.length, 0);
    handing.mockRestore();
    expect(handed).toBeLessThanOrEqual(3 * text.length);
  });

  test("beyond that length are not read at all", () => {
    expect(parse(`${" ".repeat(200_000)}${GOOD}`)).toEqual(unparsable("characters"));
  });
});
