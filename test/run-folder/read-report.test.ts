import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { experiment, folder, programJudge, records } from "longform";
import { canonicalJson, toJson } from "../../sdk/experiment/canonical-json.js";
import { readReport, readResults } from "../../sdk/run-folder/read-report.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import type { BenchResult } from "../../sdk/run-folder/results.js";
import { BlobStore } from "../../runners/store/blobs.js";
import { smallReport } from "../report/small-report.js";
import { temporaryFolder } from "../store/temporary-folder.js";

/** A finished run of two benchmarks, the second changed, with these judges. */
async function finished(change: Partial<BenchResult> = {}, judges: readonly [string, string] = ["judge", "judge"]) {
  const runDir = join(temporaryFolder(), "run-1");
  const paths = runPaths(runDir);
  await mkdir(paths.events, { recursive: true });
  const blobs = new BlobStore(paths.blobs);
  const [none, some] = [await blobs.putText(""), await blobs.putText("\n")];
  const spec = experiment("small", (x) => {
    for (const [index, name] of ["before", "after"].entries())
      x.mmLongBenchWrite(name, {
        model: folder("/model"),
        items: records("/items.jsonl"),
        judge: programJudge("/judge.ts", judges[index] ?? "judge"),
      });
  });
  const sources = { items: none, texts: some, verdicts: some };
  const [before, after] = smallReport().benches.map((bench) => ({ ...bench, sources }));
  await writeFile(paths.spec, canonicalJson(toJson(spec)));
  await writeFile(
    paths.results,
    JSON.stringify({ format: 1, experiment: "small", trainings: [], benches: [before, { ...after, ...change }] }),
  );
  return { runDir, none, some, paths };
}

async function compared(runDir: string): Promise<number> {
  return (await readReport(runDir)).differences.length;
}

test("scores of the same items, profile and judge are compared", async () => {
  const { runDir } = await finished();
  expect((await readReport(runDir)).differences).toMatchObject([{ from: "before", to: "after" }]);
});

test("scores of another profile, judge or set of items are not subtracted from one another", async () => {
  const [, after] = smallReport().benches;
  if (after === undefined) throw new Error("one benchmark only");
  const { some, none, runDir: other } = await finished({ score: { ...after.score, profile: "paper-eq6" } });
  expect(await compared(other)).toBe(0);
  expect(await compared((await finished({}, ["judge", "strict"])).runDir)).toBe(0);
  const otherItems = await finished({ sources: { items: some, texts: some, verdicts: none } });
  expect(await compared(otherItems.runDir)).toBe(0);
});

test("results that are missing or damaged are typed errors that name the file", async () => {
  const { runDir, paths } = await finished();
  await writeFile(paths.results, '{"format":1');
  await expect(readResults(runDir)).rejects.toMatchObject({
    failure: { code: "store_corrupt", facts: { file: paths.results } },
  });
  await expect(readResults(temporaryFolder())).rejects.toMatchObject({ failure: { code: "data_refused" } });
});
