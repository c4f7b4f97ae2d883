/** How fast work goes on, over the last few marks. */
export interface Pace {
  readonly marks: readonly Mark[];
}

interface Mark {
  readonly ms: number;
  /** Steps or other units done since the start. */
  readonly done: number;
  /** Tokens since the mark before. */
  readonly tokens: number;
}

/** Marks that a rate stands on: enough for a steady number, few enough to follow a change. */
const MARKS = 20;

/** The pace of work that begins now. */
export function startPace(ms: number): Pace {
  return { marks: [{ ms, done: 0, tokens: 0 }] };
}

/** The pace after some more was done. */
export function paceAfter({ marks }: Pace, ms: number, done: number, tokens: number): Pace {
  const first = marks[0];
  // What was done before counting began, by a checkpoint or an earlier attempt, is no work of this pace.
  if (marks.length === 1 && first?.done === 0 && done > 1) return { marks: [{ ms, done, tokens: 0 }] };
  return { marks: [...marks, { ms, done, tokens }].slice(-MARKS) };
}

/** Units and tokens each second; undefined before there is anything to measure. */
export function rateOf({ marks }: Pace): { readonly perSecond?: number; readonly tokensPerSecond?: number } {
  const [first, ...later] = marks;
  const last = later.at(-1);
  if (first === undefined || last === undefined || last.ms <= first.ms) return {};
  const seconds = (last.ms - first.ms) / 1000;
  const tokens = later.reduce((sum, mark) => sum + mark.tokens, 0);
  return {
    perSecond: (last.done - first.done) / seconds,
    ...(tokens === 0 ? {} : { tokensPerSecond: tokens / seconds }),
  };
}

/** Time that the rest takes at this pace; undefined when there is no rest or no pace yet. */
export function secondsLeft(pace: Pace, remaining: number): number | undefined {
  const { perSecond } = rateOf(pace);
  return perSecond === undefined || perSecond <= 0 || remaining <= 0 ? undefined : remaining / perSecond;
}
