import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "#environments";
import { type Bench, median, spread } from "./measurement.js";

const REPEATS = 11;
const HELP_LIMIT_SECONDS = 0.2;
const VALIDATE_LIMIT_SECONDS = 0.5;

const TYPO = `import { experiment, folder, records } from "longform";
export default experiment("typo", (x) => {
  x.sft("sft", { model: folder("model"), dataset: records("rows.jsonl"), optimizer: { peakLearningRat: 1e-4 } } as never);
});
`;

/** Time of `longform --help`, and of `longform validate` on a TypeScript spec with a misspelt key; Node alone beside them. */
export const coldStart: Bench = {
  name: "cold-start",
  what: `longform --help under ${HELP_LIMIT_SECONDS} s, longform validate on a typo under ${VALIDATE_LIMIT_SECONDS} s with the nearest key named`,
  measure: async (say) => {
    const folder = await mkdtemp(join(tmpdir(), "longform-bench-"));
    try {
      await writeFile(join(folder, "typo.ts"), TYPO);
      const program = join(packageRoot, "dist", "runners", "cli", "longform.js");
      const [node, help, validate]: [number[], number[], number[]] = [[], [], []];
      let named = true;
      for (let repeat = 0; repeat < REPEATS; repeat += 1) {
        node.push((await timed(["-e", "0"], folder)).seconds);
        help.push((await timed([program, "--help"], folder)).seconds);
        const checked = await timed([program, "validate", "typo.ts"], folder);
        validate.push(checked.seconds);
        named &&= checked.code === 2 && checked.stderr.includes('did you mean "peakLearningRate"?');
      }
      say(`node -e 0            ${spread(node)} s`);
      say(`longform --help      ${spread(help)} s`);
      say(`longform validate    ${spread(validate)} s, ${named ? "names" : "DOES NOT NAME"} the nearest key`);
      // The one that comes closer to its limit.
      const sides = [
        { ours: median(help), theirs: HELP_LIMIT_SECONDS },
        { ours: median(validate), theirs: VALIDATE_LIMIT_SECONDS },
      ];
      const [worst = { ours: Number.NaN, theirs: Number.NaN }] = sides.toSorted(
        (one, other) => other.ours / other.theirs - one.ours / one.theirs,
      );
      const ratio = worst.ours / worst.theirs;
      return { ...worst, unit: "s", ratio, target: "< 1", holds: named && ratio < 1, n: REPEATS };
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function timed(
  args: readonly string[],
  cwd: string,
): Promise<{ seconds: number; code: number | null; stderr: string }> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  await once(child, "close");
  return { seconds: (performance.now() - started) / 1000, code: child.exitCode, stderr };
}
