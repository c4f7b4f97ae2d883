// The tests that kill processes at random moments, twenty times each, trainings on several ranks, and the Python tests
// that are too slow for the suite (`npm run test:kill`). With --short three kills, and nothing that is slow.
import { pytest, runSuites, setUpForTests, vitest } from "./test-suites.mjs";

const kills = (/** @type {string} */ count) => vitest(["test/kill"], { LONGFORM_KILLS: count });
const suites = process.argv.includes("--short")
  ? [kills("3"), pytest(["-m", "ranks and not slow"])]
  : [kills("20"), pytest(["-m", "ranks or slow"])];

process.exitCode = setUpForTests() ? runSuites(suites) : 1;
