/** What a training takes its steps over. */
export interface StepSettings {
  readonly epochs: number;
  /** Replaces epochs. */
  readonly steps?: number | undefined;
  readonly examplesPerStep: number;
}

/** Optimizer steps that a training takes: the last step is filled with rows of the next epoch. */
export function samplerSteps(rows: number, { epochs, steps, examplesPerStep }: StepSettings): number {
  return steps ?? Math.ceil((rows * epochs) / examplesPerStep);
}

/** Optimizer steps as published tables give them: rounded to the nearest. */
export function publishedSteps(rows: number, { epochs, examplesPerStep }: StepSettings): number {
  return Math.round((rows * epochs) / examplesPerStep);
}

/** How the rows of a training fall into steps and passes. */
export interface StepPlan {
  readonly steps: number;
  /** The same, rounded as published tables do; null where the spec counts steps itself. */
  readonly roundedSteps: number | null;
  /** Rows that are seen, repeated ones included. */
  readonly rowsSeen: number;
  /** Times that every row is seen. */
  readonly epochs: number;
  /** Forward passes of each rank in one step. */
  readonly passesPerStep: number;
  /** Rows of one pass of a rank, on average. */
  readonly rowsPerPass: number;
}

/** Counts steps and passes of rows that have so many tokens on average. */
export function planSteps(
  rows: number,
  tokensPerRow: number,
  settings: StepSettings,
  { ranks, tokensPerPass }: { readonly ranks: number; readonly tokensPerPass: number },
): StepPlan {
  const steps = samplerSteps(rows, settings);
  const rowsSeen = steps * settings.examplesPerStep;
  const rowsPerRank = Math.ceil(settings.examplesPerStep / ranks);
  const together = Math.max(1, Math.floor(tokensPerPass / Math.max(1, tokensPerRow)));
  const passesPerStep = Math.ceil(rowsPerRank / together);
  return {
    steps,
    roundedSteps: settings.steps === undefined ? publishedSteps(rows, settings) : null,
    rowsSeen,
    epochs: rowsSeen / rows,
    passesPerStep,
    rowsPerPass: settings.examplesPerStep / ranks / passesPerStep,
  };
}
