import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// The tests of the slower tiers have their own commands and their own folders.
const slowTiers = ["vllm", "cluster"];

// Those that train and write run for minutes: started last, one of them would keep one worker busy and the other idle.
const longest = [/\/examples\//, /\/kill\//, /\/e2e\/.*training/, /\/cli\/(bad-input|run)\./, /\/e2e\//, /\/stages\//];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const place = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((pattern) => pattern.test(moduleId));
      return found === -1 ? longest.length : found;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  // `import "longform"` in tests and examples means the sources, so that no build is needed.
  ssr: { resolve: { conditions: ["longform-source", "node", "import", "default"] } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: slowTiers.map((tier) => `test/${tier}/**`),
    // The suite is the same on every machine; `npm run test:gpu` uses what devices there are.
    env: { CUDA_VISIBLE_DEVICES: "" },
    sequence: { sequencer: LongestFirst },
    setupFiles: ["test/silent-console.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // By default one core is left free; most of these tests wait for processes more than they compute.
    maxWorkers: 2,
  },
});
