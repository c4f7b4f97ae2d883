import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentPython } from "#environments";
import { listRuns } from "../../sdk/run-folder/list-runs.js";
import { type Ended, jsonLines, longform } from "./command.js";
import { drawing, scriptedWorld } from "./scripted-world.js";

let folder: string;

beforeAll(async () => {
  folder = await scriptedWorld();
});

afterAll(async () => await rm(folder, { recursive: true }));

/** One message, exit code 2, no stack trace; paths without the temporary folder. */
function refusal({ code, stderr }: Ended): string {
  expect(code, stderr).toBe(2);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+|node:internal/m);
  return stderr
    .replaceAll(`${folder}/`, "")
    .replaceAll(/letters-\d+-\d+-\w+|bad-\d+-\d+-\w+/g, "RUN")
    .trim();
}

/** Runs a spec file with this text. */
async function runText(name: string, text: string, ...args: string[]): Promise<Ended> {
  await writeFile(join(folder, name), text);
  return await longform(["run", name, ...args], { folder });
}

const bench = {
  kind: "mmLongBenchWrite",
  name: "bench",
  model: { kind: "folder", path: "." },
  items: { kind: "records", path: "items.jsonl" },
  engine: { kind: "scripted", script: "script.json" },
  judge: { kind: "program", function: { module: "world.ts", name: "judge" } },
};

/** Runs a benchmark whose items are the given lines. */
async function runItems(...lines: readonly unknown[]): Promise<string> {
  await writeFile(
    join(folder, "items.jsonl"),
    lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
  );
  return refusal(await runText("items.json", JSON.stringify({ format: 1, name: "bad", stages: [bench] })));
}

const item = (fields: object = {}) => ({
  id: "one",
  task: "t",
  language: "en",
  prompt: "p",
  requiredLength: 10,
  images: [{ drawing }],
  ...fields,
});
const specText = (stage: string) => `import { experiment, folder, records } from "longform";
export default experiment("letters", (x) => { ${stage} });`;

test("a misspelt key names the nearest one, and a wrong type what is expected; nothing is made", async () => {
  const runs = await listRuns(join(folder, "runs"));
  const typo = await runText(
    "typo.ts",
    specText(
      `x.sft("sft", { model: folder("."), dataset: records("r"), optimizer: { peakLearningRat: 1 } } as never);`,
    ),
  );
  expect(refusal(typo)).toBe(
    `typo.ts does not fit:\n  stages.0.optimizer.peakLearningRat: found the unknown key "peakLearningRat", expected one of peakLearningRate, beta1, beta2, epsilon, weightDecay, partLearningRates, maxGradientNorm; did you mean "peakLearningRate"?`,
  );
  const level = await runText(
    "level.ts",
    specText(`x.sft("sft", { model: folder("."), dataset: records("r"), peakLearningRate: 1 } as never);`),
  );
  expect(refusal(level)).toContain(
    'stages.0.peakLearningRate: found the unknown key "peakLearningRate", expected one of kind, name, model,',
  );
  const type = await runText(
    "type.ts",
    specText(
      `x.sft("sft", { model: folder("."), dataset: records("r"), steps: "many", precision: "float23" } as never);`,
    ),
  );
  expect(refusal(type)).toBe(
    `type.ts does not fit:\n  stages.0.steps: found "many", expected a number\n  stages.0.precision: found "float23", expected one of float32, bfloat16; did you mean "float32"?`,
  );
  expect(await listRuns(join(folder, "runs"))).toEqual(runs);
});

test.each([
  ["missing.ts", undefined, "missing.ts: found no such file, expected a .ts, .mts, .js, .mjs or .json file"],
  ["spec.yaml", "a: 1", "spec.yaml: found a .yaml file, expected a .ts, .mts, .js, .mjs or .json file"],
  ["broken.json", "{", /^broken\.json: found .+, expected JSON$/],
  ["named.ts", "export const a = 1;", "named.ts: found the exports a, expected `export default experiment(…)`"],
  ["number.ts", "export default 5;", "number.ts does not fit:\n  (the spec itself): found 5, expected an object"],
  ["syntax.ts", "export default {", /^syntax\.ts: found .+ \(syntax\.ts:1\), expected a module that compiles$/],
  [
    "import.ts",
    'import x from "./none.js"; export default x;',
    'import.ts: found Could not resolve "./none.js" (import.ts:1), expected a module that compiles',
  ],
  [
    "package.ts",
    'import x from "no-such-package"; export default x;',
    "package.ts: found Cannot find package 'no-such-package' imported from package.ts, expected a module that loads",
  ],
  ["throws.ts", 'throw new Error("boom");', "throws.ts: found boom, expected a module that loads"],
])("the spec file %s is refused in one line", async (name, text, message) => {
  if (text !== undefined) await writeFile(join(folder, name), text);
  expect(refusal(await longform(["validate", name], { folder }))).toEqual(
    typeof message === "string" ? message : expect.stringMatching(message),
  );
});

test("--debug adds the stack trace, with what caused it", async () => {
  await writeFile(join(folder, "throws.ts"), 'throw new Error("boom");');
  const { stderr } = await longform(["validate", "throws.ts", "--debug"], { folder });
  expect(stderr).toMatch(/^caused by Error: boom$/m);
  expect(stderr).toMatch(/^\s+at .*throws|^\s+at .*\.longform-/m);
});

test("a module, an export or a file that a spec names and that is not there is named by its field", async () => {
  const text = (change: object) => JSON.stringify({ format: 1, name: "bad", stages: [{ ...bench, ...change }] });
  await writeFile(join(folder, "items.jsonl"), `${JSON.stringify(item())}\n`);
  const judge = (module: string, name: string) => ({ judge: { kind: "program", function: { module, name } } });
  expect(refusal(await runText("export.json", text(judge("world.ts", "jugde"))))).toBe(
    'export.json does not fit:\n  stages.0.judge.function.name: found "jugde", expected an export of world.ts: items, judge, trueFacts; did you mean "judge"?',
  );
  const both = { ...judge("wrld.ts", "judge"), items: { kind: "records", path: "none.jsonl" } };
  const message = refusal(await runText("files.json", text(both))).replaceAll(folder, "FOLDER");
  expect(message).toBe(
    [
      "files.json does not fit:",
      '  stages.0.items.path: found "none.jsonl", which does not exist below FOLDER, expected an existing file or folder',
      '  stages.0.judge.function.module: found "wrld.ts", which does not exist below FOLDER, expected an existing file or folder',
    ].join("\n"),
  );
});

test("rows are refused by file, line and field before any engine starts", async () => {
  const refused = "RUN failed in bench/items.\nThe data cannot be used: items.jsonl,";
  expect(await runItems()).toBe(`${refused} the whole dataset: found no rows, expected at least one row.`);
  expect(await runItems(item({ requiredLength: 0 }))).toBe(
    `${refused} line 1, requiredLength: found 0, expected between 1 and 200000 words.`,
  );
  expect(await runItems(item(), item({ id: "two", requiredLength: 1e9 }))).toBe(
    `${refused} line 2, requiredLength: found 1000000000, expected between 1 and 200000 words.`,
  );
  expect(await runItems(item({ requiredLength: "ten" }))).toBe(
    `${refused} line 1, requiredLength: found "ten", expected a number.`,
  );
  expect(await runItems(item(), item())).toBe(
    `${refused} line 2, id: found "one", which line 1 has too, expected an id of its own.`,
  );
  expect(await runItems("{broken")).toBe(`${refused} line 1: found {broken, expected one JSON object a line.`);
  expect(await runItems(item({ images: [{ path: "gone.png" }] }))).toBe(
    `${refused} line 1, image 0: found gone.png, which cannot be read, expected an image file below the folder of the rows.`,
  );
}, 120_000);

test("a file that is no image is refused by the user's own file, row and image", async () => {
  await writeFile(join(folder, "text.png"), "hello");
  expect(await runItems(item({ images: [{ drawing }, { path: "text.png" }] }))).toMatch(
    /^RUN failed in bench\/items\.\nThe data cannot be used: items\.jsonl, row one, image 1: found text\.png, .*, expected an image file \(PNG.*\)\.$/,
  );
}, 60_000);

test("a model folder without a tokenizer is refused before any row is read", async () => {
  await mkdir(join(folder, "model"), { recursive: true });
  await writeFile(join(folder, "model", "config.json"), "{}");
  await writeFile(
    join(folder, "rows.jsonl"),
    `${JSON.stringify({ id: "a", language: "en", prompt: "p", images: [] })}\n`,
  );
  const spec = {
    format: 1,
    name: "bad",
    stages: [
      {
        kind: "sft",
        name: "sft",
        model: { kind: "folder", path: "model" },
        dataset: { kind: "records", path: "rows.jsonl" },
      },
    ],
  };
  expect(refusal(await runText("model.json", JSON.stringify(spec)))).toBe(
    "RUN failed in sft/audit.\nThe model folder cannot be used: model: found no tokenizer.json, expected the tokenizer beside the weights.",
  );
}, 60_000);

test("a port that is taken and an address for everybody end the run at once, and it can be taken up again", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const taken = refusal(await longform(["run", "experiment.ts", "--listen", `127.0.0.1:${port}`], { folder }));
    expect(taken).toMatch(
      new RegExp(
        `^RUN failed\\.\\nThe address 127\\.0\\.0\\.1:${port} is in use\\.\\nChoose another port, or 0 for a free one,`,
      ),
    );
    const open = refusal(await longform(["run", "experiment.ts", "--listen", "0.0.0.0:0"], { folder }));
    expect(open).toBe(
      "RUN failed.\nThe spec does not fit: --listen: found 0.0.0.0:0, expected a loopback address such as 127.0.0.1:0.",
    );
    const free = await longform(["run", "experiment.ts", "--listen", "127.0.0.1:0"], { folder });
    expect(free).toMatchObject({ code: 0, stderr: "" });
    expect(free.stdout).toContain("which had not finished, is taken up again");
  } finally {
    server.close();
  }
}, 120_000);

test("an environment without torch is named with what it lacks and what to do; a plan still works", async () => {
  const bare = await mkdtemp(join(tmpdir(), "longform-bare-"));
  try {
    const base =
      (await readFile(join(environmentPython("train"), "..", "..", "pyvenv.cfg"), "utf8")).match(
        /^home = (.*)$/m,
      )?.[1] ?? "/usr/bin";
    const variables = { LONGFORM_TRAIN_PYTHON: join(base, "python3") };
    const run = await longform(["run", "experiment.ts", "--runs", bare], { folder, variables });
    expect(refusal(run)).toMatch(
      /^RUN failed in bench\/items\.\nThe Python environment "train" lacks .*torch.* \(python: .*\)\.\nRun `longform setup`, or name an interpreter that has everything in LONGFORM_TRAIN_PYTHON\.$/,
    );
    const none = { LONGFORM_TRAIN_PYTHON: "/no/such/python" };
    const plan = await longform(["plan", "experiment.ts", "--runs", bare], { folder, variables: none });
    expect(plan.code).toBe(0);
    expect(plan.stdout).toContain("its environment is not ready");
    const doctor = await longform(["doctor", "--json"], { folder, variables: none });
    expect(doctor.code).toBe(2);
    const states = Object.fromEntries(jsonLines(doctor.stdout).map(({ check, state }) => [check, state]));
    expect(states).toMatchObject({
      node: "ok",
      "python train": "failed",
      torch: "failed",
      disk: "ok",
      sockets: "ok",
      "self-test": "absent",
    });
  } finally {
    await rm(bare, { recursive: true });
  }
}, 60_000);

test("the doctor finds this machine ready, by a real run of one token", async () => {
  const { code, stdout } = await longform(["doctor", "--json"], { folder });
  expect(code, stdout).toBe(0);
  expect(jsonLines(stdout).at(-1)).toMatchObject({
    check: "self-test",
    state: "ok",
    text: expect.stringContaining("one token"),
  });
}, 90_000);
