import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.js";

// The tests of the slower tiers have their own commands and their own folders.
const slowTiers = ["vllm", "cluster", ...(process.env["LONGFORM_KILLS"] === undefined ? ["kill"] : [])];

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
