// An experiment that a real runner, agent and scripted engine run in seconds: no torch is needed.
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const drawing = { width: 56, height: 56, background: "#ffffff", shapes: [] };

const WORLD = `
export const items = ({ count }: { count: number }) =>
  Array.from({ length: count }, (_, index) => ({
    id: \`item-\${index}\`, task: "letters", language: "en", prompt: \`Write letter \${index}.\`, requiredLength: 10,
    images: [{ drawing: ${JSON.stringify(drawing)} }],
  }));
export const judge = () => '{"Relevance":5,"Accuracy":4,"Coherence":4,"Clarity":5,"Breadth and Depth":4,"Reading Experience":4}';
export const trueFacts = () => 0.5;
`;

const TEXT = "The page is white and nothing else can be seen on it.";

export interface WorldOptions {
  /** Items of the benchmark, written two at a time. */
  readonly items?: number;
  /** Characters a second of each text; 0 writes at once. */
  readonly speed?: number;
}

/** Makes a folder with `experiment.ts`; returns its path. */
export async function scriptedWorld({ items = 4, speed = 0 }: WorldOptions = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "longform-cli-"));
  await writeFile(join(folder, "world.ts"), WORLD);
  await writeFile(join(folder, "script.json"), JSON.stringify({ default: TEXT, tokens_per_second: speed }));
  await writeFile(join(folder, "experiment.ts"), spec(items));
  return folder;
}

function spec(items: number): string {
  return `
import { experiment, folder, generated, programJudge, userFunction } from "longform";
const world = new URL("./world.ts", import.meta.url);
export default experiment("letters", (x) => {
  x.mmLongBenchWrite("bench", {
    model: folder("."),
    items: generated(world, "items", { count: ${items} }),
    engine: { kind: "scripted", script: "script.json", maxBatchSequences: 2 },
    judge: programJudge(world, "judge"),
    measures: { trueFacts: userFunction(world, "trueFacts") },
  });
});
`;
}
