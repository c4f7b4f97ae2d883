import { join } from "node:path";
import { expect, test } from "vitest";
import { Inputs } from "../../runners/stages/inputs.js";
import { parts } from "../../runners/stages/sft.js";
import { BlobStore } from "../../runners/store/blobs.js";
import { Sft } from "../../sdk/spec/sft.js";
import { temporaryFolder } from "../store/temporary-folder.js";

test("how the work is split is part of a training only where its adapters drop inputs", async () => {
  const inputs = new Inputs();
  const file = await new BlobStore(join(temporaryFolder(), ".blobs")).putText("rows");
  inputs.set("sft/rows", { kind: "rows", file, rows: 1, images: 0 });
  const splits = [
    {},
    { tokensPerPass: 1_024 },
    { resources: { nodes: 2 } },
    { resources: { nodes: 2, preemptionGraceSeconds: 900 }, zero: { stage: 3 } },
    { resources: { ranksPerNode: 2 } },
  ];
  const kinds = async (tuning: object) => {
    const keys = splits.map(async (split) => {
      const model = { kind: "hub", repository: "a/b" };
      const dataset = { kind: "records", path: "rows.jsonl" };
      const spec = Sft.parse({ kind: "sft", name: "sft", model, dataset, tuning, ...split });
      const node = {
        kind: "sft",
        id: "sft",
        spec,
        weights: { kind: "none" },
        rows: "sft/rows",
        gateRows: null,
      } as const;
      return JSON.stringify(await parts(node, inputs));
    });
    return new Set(await Promise.all(keys)).size;
  };
  expect(await kinds({ kind: "full" })).toBe(1);
  expect(await kinds({ kind: "lora" })).toBe(1);
  expect(await kinds({ kind: "lora", dropout: 0.1 })).toBe(3);
});
