import { BaseSequencer, type TestSpecification } from "vitest/node";

// Those that train and write run for minutes: started last, one of them would keep one worker busy and the other idle.
const longest = [/\/examples\//, /\/kill\//, /\/e2e\/.*training/, /\/cli\/(bad-input|run)\./, /\/e2e\//, /\/stages\//];

/** Starts the longest files of tests first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const found = longest.findIndex((pattern) => pattern.test(moduleId));
  return found === -1 ? longest.length : found;
}
