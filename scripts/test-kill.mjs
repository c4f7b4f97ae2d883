// The tests that kill processes at random moments, twenty times each where the suite does it three times,
// and the Python tests that are too slow for the suite (`npm run test:kill`).
import { pytest, runSuites, setUpForTests, vitest } from "./test-suites.mjs";

const KILLS = "20";

process.exitCode = setUpForTests()
  ? runSuites([vitest(["test/kill"], { LONGFORM_KILLS: KILLS }), pytest(["-m", "slow"], { LONGFORM_KILLS: KILLS })])
  : 1;
