// Runs vitest and pytest for the commands of the test tiers, counts, and prints "N passed, N failed" last.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environmentPython, packageRoot } from "./environments.mjs";
import { pytestCounts, vitestCounts } from "./test-counts.mjs";

/**
 * @typedef {{ name: string, status: number } & import("./test-counts.mjs").Counts} Suite
 *
 * @callback RunSuite
 * @param {string} reports a folder for the report of the tests
 * @returns {Suite}
 */

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ folder?: string, variables?: NodeJS.ProcessEnv }} [options]
 */
function run(program, args, { folder = packageRoot, variables = {} } = {}) {
  // One thread: a small model is many times slower when threads fight for two cores.
  // Byte code is kept, or every engine would compile torch anew.
  const env = { OMP_NUM_THREADS: "1", ...process.env, PYTHONDONTWRITEBYTECODE: "", ...variables };
  return spawnSync(program, args, { cwd: folder, stdio: "inherit", env }).status ?? 1;
}

/** @param {string} file */
function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [variables]
 * @returns {RunSuite}
 */
export const vitest =
  (args, variables = {}) =>
  (reports) => {
    const file = join(reports, "vitest.json");
    const program = join(packageRoot, "node_modules", "vitest", "vitest.mjs");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const status = run(process.execPath, [program, "run", ...reporters, ...args], { variables });
    return { name: "vitest", status, ...vitestCounts(textOf(file)) };
  };

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [variables]
 * @returns {RunSuite}
 */
export const pytest =
  (args, variables = {}) =>
  (reports) => {
    const file = join(reports, "pytest.xml");
    const options = { folder: join(packageRoot, "python-worker"), variables };
    const status = run(environmentPython("train"), ["-m", "pytest", "-rs", `--junitxml=${file}`, ...args], options);
    return { name: "pytest", status, ...pytestCounts(textOf(file)) };
  };

/** Sets up what is missing. @returns {boolean} whether all is there */
export function setUpForTests() {
  if (run(process.execPath, [join(packageRoot, "scripts", "setup.mjs")]) === 0) return true;
  console.log("0 passed, 1 failed");
  return false;
}

/**
 * Runs the suites one after another and prints their counts.
 * @param {RunSuite[]} suites
 * @returns {number} the exit code
 */
export function runSuites(suites) {
  const reports = mkdtempSync(join(tmpdir(), "longform-test-"));
  const counts = suites.map((suite) => suite(reports));
  rmSync(reports, { recursive: true, force: true });
  for (const { name, passed, failed, skipped } of counts) {
    console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
  const passed = counts.reduce((sum, suite) => sum + suite.passed, 0);
  // A runner that ends badly without a failed test (a crash, a timeout, no tests) is a failure too.
  const failed = counts.reduce((sum, suite) => sum + Math.max(suite.failed, suite.status === 0 ? 0 : 1), 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
