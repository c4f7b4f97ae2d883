// Sets up what is missing, then runs the whole suite, TypeScript and Python (`npm test`).
// Its last line is "N passed, N failed". Arguments go to vitest, and then pytest is left out.
import { pytest, runSuites, setUpForTests, vitest } from "./test-suites.mjs";

const args = process.argv.slice(2);
process.exitCode = setUpForTests() ? runSuites(args.length > 0 ? [vitest(args)] : [vitest([]), pytest([])]) : 1;
