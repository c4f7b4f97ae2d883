import { z } from "zod";
import { type Bench, median, spread } from "./measurement.js";
import { pythonProgram } from "./python-program.js";

const REPEATS = 3;
const OURS = "ours";
const DEFAULTS = "TRL defaults, 8 rows";
const LIMITS = { defaults: 1.5, best: 1.1 } as const;

const Found = z.object({
  settings: z.string(),
  rates: z.record(z.string(), z.array(z.number())),
  losses: z.record(z.string(), z.number()),
  rows: z.number(),
  targetTokens: z.number(),
  longestTokens: z.number(),
});

/**
 * Target tokens a second of the training loop over those of TRL's SFTTrainer, with its defaults and with the quickest of
 * several micro-batches sorted by length; the settings are python-worker/benches/sft_throughput.py's. Seconds are of
 * processor time: each side has one thread, and what else the machine does hardly moves them.
 */
export const sftThroughput: Bench = {
  name: "sft-throughput",
  what: "target tokens a second of training over TRL's SFTTrainer, its defaults and its best, lengths of LongBench-Write",
  measure: async (say) => {
    const found = Found.parse(await pythonProgram("sft_throughput", [String(REPEATS)]));
    say(`${found.rows} rows with ${found.targetTokens} target tokens, the longest row ${found.longestTokens} tokens`);
    say(found.settings);
    for (const [name, rates] of Object.entries(found.rates))
      say(`${name.padEnd(24)} ${spread(rates, 0)} tokens/s, last loss ${found.losses[name]?.toFixed(4)}`);
    const middle = (name: string) => median(found.rates[name] ?? []);
    const others = Object.keys(found.rates).filter((name) => name !== OURS && name !== DEFAULTS);
    const [best = DEFAULTS] = others.toSorted((one, other) => middle(other) - middle(one));
    const ratios = { defaults: middle(OURS) / middle(DEFAULTS), best: middle(OURS) / middle(best) };
    say(`over its defaults ${ratios.defaults.toFixed(2)}, over its best (${best}) ${ratios.best.toFixed(2)}`);
    return {
      ours: middle(OURS),
      theirs: middle(best),
      unit: "target tokens a second of processor time",
      ratio: ratios.best,
      target: `>= ${LIMITS.best} over its best, >= ${LIMITS.defaults} over its defaults`,
      holds: ratios.best >= LIMITS.best && ratios.defaults >= LIMITS.defaults,
      n: REPEATS,
    };
  },
};
