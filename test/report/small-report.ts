import type { RunReport } from "longform/report";
import { type ItemRecord, meanOverItems, pairedDifference, scoreBench } from "longform/method";
import type { BenchResult } from "../../sdk/run-folder/results.js";

const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const FILE = { sha256: "0".repeat(64), bytes: 1 };

/** A report of two benchmarks over four items, with texts that try to be HTML. */
export function smallReport(): RunReport {
  const [before, after] = [bench("before", 4), bench("after", 11)];
  const values = ({ score }: BenchResult) =>
    score.rows.flatMap(({ id, length }) => (length.status === "scored" ? [{ id, value: length.value }] : []));
  const difference = pairedDifference(values(before), values(after), { seed: "test" });
  const text = (result: BenchResult, words: string) => {
    const [score] = result.score.rows;
    if (score === undefined) throw new Error("a benchmark without rows");
    return { stage: result.stage, text: words, score, reply: 'All true. {"Relevance": 5}' };
  };
  return {
    experiment: "small",
    description: "Two stages & <b>no</b> markup.",
    run: "small-20260101-000000-abcd",
    started: "2026-01-01T00:00:00.000Z",
    seconds: 75,
    specSha256: "f".repeat(64),
    versions: { torch: "2.13.0" },
    stages: [
      { id: "sft/rows", kind: "import", cached: true, seconds: 0 },
      { id: "sft", kind: "sft", cached: false, seconds: 61.2 },
    ],
    trainings: [
      {
        stage: "sft",
        steps: 3,
        targetTokens: 1_200,
        finalLoss: 0.5,
        weightsSha256: "a".repeat(64),
        log: FILE,
        folder: "b".repeat(64),
        curve: [1, 2, 3].map((step) => ({ step, loss: 2 / step })),
        gates: [{ step: 3, value: 0.95, atLeast: 0.9, passed: true }],
      },
    ],
    benches: [before, after],
    differences: [{ from: "before", to: "after", length: difference, quality: difference }],
    samples: [
      {
        item: "item-0",
        task: "PPT Script",
        language: "en",
        prompt: "Write <script>alert(1)</script> of 12 words.",
        requiredLength: 12,
        images: [PIXEL, PIXEL],
        texts: [text(before, 'Short & "quoted" <img src=x onerror=alert(1)>.'), text(after, "")],
      },
    ],
  };
}

function bench(stage: string, words: number): BenchResult {
  const records = Array.from(
    { length: 4 },
    (_, index): ItemRecord => ({
      id: `item-${index}`,
      requiredLength: 12,
      language: index % 2 === 0 ? "en" : "zh",
      task: "PPT Script",
      text: "word ".repeat(words + index),
      finish: index === 3 ? "error" : "stop",
      verdict:
        index === 2
          ? { status: "unparsable", reason: "no JSON" }
          : {
              status: "judged",
              scores: { relevance: 5, accuracy: 4, coherence: 4, clarity: 4, breadthAndDepth: 3, readingExperience: 4 },
            },
    }),
  );
  const score = scoreBench(records, { profile: "strict", seed: "test" });
  const under = (profile: "paper-eq6" | "paper-code") => scoreBench(records, { profile, seed: "test" }).scores;
  return {
    stage,
    score,
    profiles: { strict: score.scores, "paper-eq6": under("paper-eq6"), "paper-code": under("paper-code") },
    measures: { trueFacts: { mean: meanOverItems([{ id: "item-0", value: 0.5 }], 4, { seed: "test" }), values: [] } },
    sources: { items: FILE, texts: FILE, verdicts: FILE },
  };
}
