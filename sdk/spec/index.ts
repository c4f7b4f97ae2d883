import { Audit } from "./audit.js";
import { Experiment } from "./experiment.js";
import { MmLongBenchWrite } from "./mm-long-bench-write.js";
import { Sft } from "./sft.js";

/** The kinds of specs by the name that `longform schema` takes, each with a smallest valid example. */
export const specKinds = {
  experiment: {
    schema: Experiment,
    example: {
      format: 1,
      name: "first",
      stages: [
        {
          kind: "sft",
          name: "sft",
          model: { kind: "folder", path: "models/base" },
          dataset: { kind: "records", path: "rows.jsonl" },
        },
      ],
    },
  },
  sft: {
    schema: Sft,
    example: {
      kind: "sft",
      name: "sft",
      model: { kind: "folder", path: "models/base" },
      dataset: { kind: "records", path: "rows.jsonl" },
    },
  },
  audit: {
    schema: Audit,
    example: {
      kind: "audit",
      name: "audit",
      model: { kind: "folder", path: "models/base" },
      dataset: { kind: "records", path: "rows.jsonl" },
    },
  },
  mmLongBenchWrite: {
    schema: MmLongBenchWrite,
    example: {
      kind: "mmLongBenchWrite",
      name: "bench",
      model: { kind: "folder", path: "models/base" },
      items: { kind: "records", path: "items.jsonl" },
      judge: { kind: "program", function: { module: "./judge.ts", name: "judge" } },
    },
  },
} as const;
export type SpecKind = keyof typeof specKinds;
