import { z } from "zod";
import { type Bench, median, spread } from "./measurement.js";
import { pythonProgram } from "./python-program.js";

const REPEATS = 3;
const LIMIT = 0.3;
const VOCABULARY = 152_064;
const WIDTH = 64;
const TARGETS = 2_048;
/** The default of `headChunkTokens`. */
const CHUNK_TOKENS = 256;

const Measured = z.object({ bytes: z.number(), seconds: z.number(), loss: z.number(), headGradientNorm: z.number() });
type Measured = z.output<typeof Measured>;
const precisions = ["float32", "bfloat16"] as const;

/**
 * Peak memory above the start of one forward and backward of the loss, whose hidden states and head exist already; each
 * side in a process of its own. The gradient of the head (float32) is in both.
 */
export const lossMemory: Bench = {
  name: "loss-memory",
  what: `peak memory of the loss in pieces over that of all logits at once, ${VOCABULARY} tokens in the vocabulary, ${TARGETS} targets`,
  measure: async (say) => {
    const sides = [];
    for (const precision of precisions) sides.push(await bothSides(precision, say));
    const [worst = { ours: Number.NaN, theirs: Number.NaN }] = sides.toSorted(
      (one, other) => other.ours / other.theirs - one.ours / one.theirs,
    );
    const ratio = worst.ours / worst.theirs;
    return { ...worst, unit: "MB", ratio, target: `<= ${LIMIT}`, holds: ratio <= LIMIT, n: REPEATS };
  },
};

async function bothSides(precision: (typeof precisions)[number], say: (line: string) => void) {
  const [ours, theirs]: [Measured[], Measured[]] = [[], []];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    theirs.push(await oneSide("plain", precision));
    ours.push(await oneSide("ours", precision));
  }
  const sides = { ours: megabytes(ours), theirs: megabytes(theirs) };
  say(`${precision}: all at once ${spread(sides.theirs, 0)} MB, ${spread(seconds(theirs), 1)} s`);
  say(`${precision}: ${CHUNK_TOKENS} at a time ${spread(sides.ours, 0)} MB, ${spread(seconds(ours), 1)} s`);
  const [mine, other] = [ours[0], theirs[0]];
  say(
    `${precision}: loss ${mine?.loss} and ${other?.loss}, gradient of the head ${mine?.headGradientNorm} and ${other?.headGradientNorm}`,
  );
  return { ours: median(sides.ours), theirs: median(sides.theirs) };
}

async function oneSide(side: "ours" | "plain", precision: string): Promise<Measured> {
  const sizes = [VOCABULARY, WIDTH, TARGETS, CHUNK_TOKENS].map(String);
  return Measured.parse(await pythonProgram("loss_memory", [side, precision, ...sizes]));
}

const megabytes = (measured: readonly Measured[]) => measured.map(({ bytes }) => bytes / 1e6);
const seconds = (measured: readonly Measured[]) => measured.map(({ seconds }) => seconds);
