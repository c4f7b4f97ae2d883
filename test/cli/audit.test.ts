import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLines, longform } from "./command.js";
import { drawing } from "./scripted-world.js";

const PATIENCE_MS = 600_000;

const row = (id: string, words: number) => ({
  id,
  language: "en",
  prompt: "What does the page show?",
  target: Array.from({ length: words }, (_, index) => (index % 2 === 0 ? "white" : "page")).join(" "),
  images: [{ drawing }],
});

/** Two trainings, the second of which starts from the first; one of the rows of both is too long. */
const spec = (change: string, more = "") => `
import { experiment, openAiMessages, records, scratch } from "longform";
const tiny = {
  maxTokens: 128,
  visionPolicy: { minPixels: 784, maxPixels: 784 },
  precision: "float32",
  gradientCheckpointing: false,
  steps: 1,
  examplesPerStep: 2,
  ${change}
} as const;
export default experiment("pages", (x) => {
  const model = scratch({
    corpus: records("rows.jsonl"),
    vocabularySize: 300,
    text: { layers: 1, hiddenSize: 32, intermediateSize: 32, heads: 2, keyValueHeads: 2, maxPositions: 256 },
    vision: { layers: 1, hiddenSize: 32, intermediateSize: 32, heads: 2 },
  });
  const first = x.sft("first", { ...tiny, model, dataset: records("rows.jsonl") });
  x.sft("second", { ...tiny, model: first, dataset: { kind: "records", path: "rows.jsonl", limit: 2 } });
  ${more}
});
`;

describe("longform audit", { timeout: PATIENCE_MS }, () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "longform-audit-"));
    const rows = [row("short", 4), row("longer", 9), row("longest", 400), row("last", 5)];
    await writeFile(join(folder, "rows.jsonl"), rows.map((one) => `${JSON.stringify(one)}\n`).join(""));
    await writeFile(join(folder, "experiment.ts"), spec(""));
    await writeFile(join(folder, "dropping.ts"), spec('tooLong: "drop",'));
    const said = (words: string) => [
      { role: "user", content: "What does the page show?" },
      { role: "assistant", content: words },
    ];
    const chats = ["white page", "page white"].map((words) => `${JSON.stringify({ messages: said(words) })}\n`);
    await writeFile(join(folder, "chats.jsonl"), chats.join(""));
    await writeFile(
      join(folder, "chats.ts"),
      spec("", 'x.audit("chats", { model, dataset: openAiMessages("chats.jsonl"), maxTokens: 256 });'),
    );
  });

  afterAll(async () => await rm(folder, { recursive: true }));

  test("names the row that is too long and says that a training could not start", async () => {
    const { code, stdout, stderr } = await longform(["audit", "experiment.ts"], { folder });
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    expect(stdout).toContain("first: 4 rows, 4 images; 3 as they are, 1 refused");
    expect(stdout).toMatch(/^longest +\d+ +refused +\d+ tokens, \d+ more than maxTokens 128$/m);
    expect(stdout).toContain("second: 2 rows, 2 images; all can be trained on as they are");
    expect(stdout).toMatch(/^tokens +[\d,]+ +\d+ +\d+ +[\d,]+ +[\d,]+ +[\d,]+$/m);
    expect(stdout).toMatch(/^ {2}-+ {2}maxTokens 128$/m);
  });

  test("the run that follows finds rows and counts in the cache, and ends before it trains", async () => {
    const { code, stdout, stderr } = await longform(["run", "experiment.ts"], { folder });
    expect(code).toBe(2);
    expect(stdout).not.toContain("begins");
    expect(stdout).not.toContain("worker agent");
    expect(stderr).toMatch(/^These:\nlongest: \d+ tokens, \d+ more than maxTokens 128\.$/m);
  });

  test("as JSON it is one object a stage; of rows that are left out it says so, and a training could start", async () => {
    const { code, stdout } = await longform(["audit", "dropping.ts", "--json"], { folder });
    expect(code).toBe(0);
    const [first, second, ...others] = jsonLines(stdout);
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      stage: "first",
      maxTokens: 128,
      tooLong: "drop",
      rows: { counted: 4, kept: 3, capped: 0, dropped: 1, refused: 0 },
      longer: 1,
      offenders: [{ id: "longest", action: "dropped" }],
      imageTokens: { total: 4, min: 1, max: 1 },
    });
    expect(second).toMatchObject({ stage: "second", rows: { counted: 2, kept: 2 }, offenders: [] });
  });

  test("of the run that follows nothing but the trainings is left to compute", async () => {
    const plan = jsonLines((await longform(["plan", "dropping.ts", "--json"], { folder })).stdout);
    const stages = plan.flatMap(({ stage, cached }) => (typeof cached === "boolean" ? [[stage, cached]] : []));
    expect(stages).toEqual([
      ["first/rows", true],
      ["first/corpus", true],
      ["first/model", true],
      ["first/audit", true],
      ["second/rows", true],
      ["second/audit", true],
      ["first", false],
      ["second", false],
    ]);
  });

  test("and their plans are made of what was counted, on the model that was made", async () => {
    const plan = jsonLines((await longform(["plan", "dropping.ts", "--json"], { folder })).stdout);
    expect(plan.find(({ stage }) => stage === "first")?.["plan"]).toMatchObject({
      level: "audited",
      model: { from: "its config.json" },
      rows: { rows: 3, images: 3, imageTokens: 3, assumed: [] },
      steps: { steps: 1 },
    });
    expect(plan.find(({ stage }) => stage === "second")?.["plan"]).toMatchObject({
      level: "audited",
      model: { from: "the spec" },
      rows: { rows: 2 },
    });
  });

  test("of rows that another program has made it says what was found in them", async () => {
    const { code, stdout } = await longform(["audit", "chats.ts", "--stage", "chats"], { folder });
    expect(code).toBe(0);
    expect(stdout).toContain("chats: 2 rows, 0 images; all can be trained on as they are");
    expect(stdout).toMatch(/^read +\S.*chats\.jsonl/m);
    expect(stdout).toMatch(/^\[\d+\/\d+\] chats\/rows-read: .*chats\.jsonl/m);
  });

  test("one stage alone, a stage that is not there, and a spec without rows to count", async () => {
    const one = await longform(["audit", "experiment.ts", "--stage", "second"], { folder });
    expect(one.code).toBe(0);
    expect(one.stdout).not.toContain("first:");
    expect(await longform(["audit", "experiment.ts", "--stage", "secnd"], { folder })).toEqual({
      code: 2,
      stdout: "",
      stderr: 'experiment.ts has no training or audit "secnd". Did you mean second?\n',
    });
    await writeFile(
      join(folder, "bench.ts"),
      `import { experiment, folder, programJudge, records } from "longform";
export default experiment("bench", (x) => {
  x.mmLongBenchWrite("bench", { model: folder("."), items: records("rows.jsonl"), judge: programJudge("./j.ts", "j") });
});`,
    );
    expect(await longform(["audit", "bench.ts"], { folder })).toEqual({
      code: 2,
      stdout: "",
      stderr: "bench.ts has neither a training nor an audit: there are no rows to count.\n",
    });
  });
});
