import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../sdk/client/run.js";
import { failureMessage } from "../../sdk/failure/failure-message.js";
import { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { Experiment } from "../../sdk/spec/experiment.js";
import { cancelRun } from "./cancel-run.js";
import type { Finding } from "./doctor-checks.js";

const DEADLINE_MS = 60_000;
const TOKEN = "x";

const ITEM = {
  id: "one",
  task: "self-test",
  language: "en",
  prompt: "Write one letter.",
  requiredLength: 1,
  images: [
    {
      drawing: {
        width: 56,
        height: 56,
        background: "#ffffff",
        shapes: [{ kind: "ellipse", box: [8, 8, 48, 48], fill: "#cc0000", outline: null, outlineWidth: 0 }],
      },
    },
  ],
};

const JUDGE = `export const judge = () => JSON.stringify({ Relevance: 5, Accuracy: 5, Coherence: 5, Clarity: 5, "Breadth and Depth": 5, "Reading Experience": 5 });`;

const SPEC = {
  format: 1,
  name: "self-test",
  stages: [
    {
      kind: "mmLongBenchWrite",
      name: "bench",
      model: { kind: "folder", path: "." },
      items: { kind: "records", path: "items.jsonl" },
      engine: { kind: "scripted", script: "script.json" },
      sampling: { maxTokens: 1 },
      judge: { kind: "program", function: { module: "judge.mjs", name: "judge" } },
    },
  ],
};

/** One image, one token, one verdict through a real runner, agent and engine, in a folder of its own. */
export async function selfTest(): Promise<Finding> {
  const folder = await mkdtemp(join(tmpdir(), "longform-self-test-"));
  try {
    await writeFile(join(folder, "items.jsonl"), `${JSON.stringify(ITEM)}\n`);
    await writeFile(join(folder, "judge.mjs"), JUDGE);
    await writeFile(join(folder, "script.json"), JSON.stringify({ default: TOKEN }));
    const started = performance.now();
    const outcome = await run(Experiment.parse(SPEC), {
      base: folder,
      runs: join(folder, "runs"),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (outcome.state === "running") await cancelRun(outcome.runDir, "the self-test takes too long");
    if (outcome.state !== "finished") {
      const why =
        outcome.failure === undefined
          ? `it is ${outcome.state} after ${seconds} s`
          : failureMessage(outcome.failure).replaceAll("\n", " ");
      return { state: "failed", text: `the run did not finish: ${why}` };
    }
    const text = await writtenText(outcome.runDir);
    if (text !== TOKEN)
      return { state: "failed", text: `the engine wrote ${JSON.stringify(text)}, expected ${JSON.stringify(TOKEN)}` };
    return { state: "ok", text: `runner, worker agent, image, one token, verdict and report in ${seconds} s` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writtenText(runDir: string): Promise<string | undefined> {
  for await (const { event } of readEvents(runDir, 0))
    if (event.type === "sample_done") return await new BlobReader(runPaths(runDir).blobs).readText(event.text);
  return undefined;
}
