// Sets up what is missing, then runs the whole suite, TypeScript and Python (`npm test`).
// Its last line is "N passed, N failed". Arguments go to vitest, and then pytest is left out.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environmentPython, packageRoot } from "./environments.mjs";
import { pytestCounts, vitestCounts } from "./test-counts.mjs";

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} [folder]
 */
function run(program, args, folder = packageRoot) {
  // One thread: a small model is many times slower when threads fight for two cores.
  // Byte code is kept, or every engine would compile torch anew.
  const env = { OMP_NUM_THREADS: "1", ...process.env, PYTHONDONTWRITEBYTECODE: "" };
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

/** @param {string} reports */
function runVitest(reports) {
  const file = join(reports, "vitest.json");
  const vitest = join(packageRoot, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const status = run(process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)]);
  return { name: "vitest", status, ...vitestCounts(textOf(file)) };
}

/** @param {string} reports */
function runPytest(reports) {
  const file = join(reports, "pytest.xml");
  const worker = join(packageRoot, "python-worker");
  const status = run(environmentPython("train"), ["-m", "pytest", "-rs", `--junitxml=${file}`], worker);
  return { name: "pytest", status, ...pytestCounts(textOf(file)) };
}

function main() {
  const setup = run(process.execPath, [join(packageRoot, "scripts", "setup.mjs")]);
  if (setup !== 0) {
    console.log("0 passed, 1 failed");
    return setup;
  }
  const reports = mkdtempSync(join(tmpdir(), "longform-test-"));
  const suites = process.argv.length > 2 ? [runVitest(reports)] : [runVitest(reports), runPytest(reports)];
  rmSync(reports, { recursive: true, force: true });
  for (const { name, passed, failed, skipped } of suites) {
    console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
  const passed = suites.reduce((sum, suite) => sum + suite.passed, 0);
  // A runner that ends badly without a failed test (a crash, a timeout, no tests) is a failure too.
  const failed = suites.reduce((sum, suite) => sum + Math.max(suite.failed, suite.status === 0 ? 0 : 1), 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = main();
