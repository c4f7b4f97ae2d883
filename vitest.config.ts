import { defineConfig } from "vitest/config";

// The tests of the slower tiers have their own commands and their own folders.
const slowTiers = ["vllm", "kill", "cluster", "gpu"];

export default defineConfig({
  // `import "longform"` in tests and examples means the sources, so that no build is needed.
  ssr: { resolve: { conditions: ["longform-source", "node", "import", "default"] } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: slowTiers.map((tier) => `test/${tier}/**`),
    setupFiles: ["test/silent-console.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // By default one core is left free; most of these tests wait for processes more than they compute.
    maxWorkers: 2,
  },
});
