// The tests that kill processes at random moments, twenty times each, and the Python tests that are too slow for
// the suite (`npm run test:kill`). With --short three kills and nothing else.
import { pytest, runSuites, setUpForTests, vitest } from "./test-suites.mjs";

const kills = (/** @type {string} */ count) => vitest(["test/kill"], { LONGFORM_KILLS: count });
const suites = process.argv.includes("--short") ? [kills("3")] : [kills("20"), pytest(["-m", "slow"])];

process.exitCode = setUpForTests() ? runSuites(suites) : 1;
