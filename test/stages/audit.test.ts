import { join } from "node:path";
import { expect, test } from "vitest";
import { parts, refuseRows } from "../../runners/stages/audit.js";
import { Inputs } from "../../runners/stages/inputs.js";
import type { AuditResult } from "../../runners/stages/results.js";
import { BlobStore } from "../../runners/store/blobs.js";
import { failureMessage } from "../../sdk/failure/failure-message.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { AuditNode } from "../../sdk/plan/stages.js";
import { Audit } from "../../sdk/spec/audit.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const blobs = () => new BlobStore(join(temporaryFolder(), ".blobs"));

const node = {
  spec: Audit.parse({
    kind: "audit",
    name: "sft",
    model: { kind: "hub", repository: "a/b" },
    dataset: { kind: "shareGpt", path: "/data", name: "decks" },
  }),
};

/** An audit of ten rows, of which these are refused. */
async function audited(refused: readonly number[], store: BlobStore): Promise<AuditResult> {
  const lines = Array.from({ length: 10 }, (_, index) => ({
    id: `deck-${index}`,
    tokens: 100,
    imageTokens: 10,
    targetTokens: 20,
    images: 1,
    action: refused.includes(index) ? "refused" : "kept",
    why: refused.includes(index) ? `${600 + index} tokens, ${88 + index} more than maxTokens 512` : "",
    cutCharacters: 0,
  }));
  const file = await store.putText("");
  const report = await store.putText(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const counts = { images: 0, tokens: 0, imageTokens: 0, targetTokens: 0, longestRowTokens: 0, capped: 0, dropped: 0 };
  return { kind: "audit", file, report, rows: 10 - refused.length, refused: refused.length, ...counts };
}

async function refusal(refused: readonly number[]): Promise<RunError> {
  const store = blobs();
  const error: unknown = await refuseRows(node, await audited(refused, store), store).catch(
    (thrown: unknown) => thrown,
  );
  if (error instanceof RunError) return error;
  throw new Error("nothing was refused");
}

test("rows that can all be trained on end no run", async () => {
  const store = blobs();
  await expect(refuseRows(node, await audited([], store), store)).resolves.toBeUndefined();
});

test("refused rows are named by id with reason, and there is a way to see all of them", async () => {
  const { failure } = await refusal([3, 7]);
  expect(failure).toMatchObject({ code: "data_refused", facts: { rows: "deck-3, deck-7" } });
  const lines = failureMessage(failure).split("\n");
  expect(lines[0]).toContain("decks of /data");
  expect(lines[0]).toContain("found 2 of 10 rows that cannot be trained on");
  expect(lines.slice(1)).toEqual([
    "These:",
    "deck-3: 603 tokens, 91 more than maxTokens 512",
    "deck-7: 607 tokens, 95 more than maxTokens 512.",
    expect.stringMatching(/^`longform audit` names all of them; \S+\.blobs\S+ has a line about every row\.$/),
  ]);
});

test("an audit is identified by the rows, what counts them and every limit, and by nothing else", async () => {
  const store = blobs();
  const inputs = new Inputs();
  inputs.set("sft/rows", { kind: "rows", file: await store.putText("rows"), rows: 1, images: 0 });
  inputs.set("other", { kind: "rows", file: await store.putText("other rows"), rows: 1, images: 0 });
  inputs.set("sft/model", { kind: "fetch", path: "/cache/a", repository: "a/b", commit: "c".repeat(40) });
  inputs.set("moved", { kind: "fetch", path: "/cache/b", repository: "a/b", commit: "c".repeat(40) });
  inputs.set("newer", { kind: "fetch", path: "/cache/a", repository: "a/b", commit: "d".repeat(40) });
  const key = async (change: object = {}, where: Partial<AuditNode> = {}) => {
    const spec = Audit.parse({
      kind: "audit",
      name: "sft",
      model: { kind: "hub", repository: "a/b" },
      dataset: { kind: "records", path: "rows.jsonl" },
      ...change,
    });
    const weights = { kind: "node", id: "sft/model" } as const;
    return await parts(
      { kind: "audit", id: "sft/audit", spec, weights, rows: "sft/rows", training: true, ...where },
      inputs,
    );
  };
  const before = await key();
  for (const same of [
    await key({ name: "other" }),
    await key({}, { training: false, id: "sft" }),
    await key({}, { weights: { kind: "node", id: "moved" } }),
  ])
    expect(same).toEqual(before);
  for (const other of [
    await key({ maxTokens: 64 }),
    await key({ tooLong: "cap" }),
    await key({ promptLayout: "textFirst" }),
    await key({ visionPolicy: { maxPixels: 78_400 } }),
    await key({}, { rows: "other" }),
    await key({}, { weights: { kind: "node", id: "newer" } }),
  ])
    expect(other).not.toEqual(before);
});
