import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lasts } from "../../runners/stages/fetch.js";
import { Inputs } from "../../runners/stages/inputs.js";
import { lookUp } from "../../runners/stages/look-up.js";
import { BlobStore } from "../../runners/store/blobs.js";
import { StageCache } from "../../runners/store/stage-cache.js";
import type { FetchNode } from "../../sdk/plan/stages.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const commit = "0123456789abcdef0123456789abcdef01234567";
const node = (revision: string): FetchNode => ({
  kind: "fetch",
  id: "sft/model",
  source: { repository: "Qwen/Qwen2.5-VL-3B-Instruct", revision },
  holds: "model",
});

test("a full commit lasts; a branch, a tag and the beginning of a commit do not", () => {
  expect([commit, "main", "v1.0", commit.slice(0, 12)].map((revision) => lasts(node(revision)))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("what a commit gave is asked for again only when it is gone; a branch always is, and says why", async () => {
  const runs = temporaryFolder();
  const blobs = new BlobStore(join(runs, ".blobs"));
  const cache = new StageCache(join(runs, ".cache"), blobs);
  const path = temporaryFolder();
  const look = async (revision: string) => await lookUp(node(revision), new Inputs(), "far", { cache, blobs });
  for (const revision of [commit, "main"]) {
    const { key, parts, hit, why } = await look(revision);
    expect({ hit, why }).toEqual({ hit: undefined, why: expect.stringMatching(/has not run yet|revision/) });
    const result = { kind: "fetch", path, repository: "Qwen/Qwen2.5-VL-3B-Instruct", commit } as const;
    await cache.put({ key, parts, kind: "fetch", stage: "sft/model", experiment: "far", result, refs: [] });
  }
  expect(await look(commit)).toMatchObject({ hit: { kind: "fetch", path, commit } });
  expect(await look("main")).toMatchObject({ why: "main may stand for another commit by now" });
  rmSync(path, { recursive: true });
  expect(await look(commit)).toMatchObject({ why: "it is no longer in the local cache" });
});
