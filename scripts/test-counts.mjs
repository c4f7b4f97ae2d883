// Counts of passed and failed tests from the reports of vitest and pytest.

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

/**
 * A file that could not be loaded has no tests of its own: it counts as one failure.
 * @param {string | undefined} json what vitest's json reporter wrote
 * @returns {Counts}
 */
export function vitestCounts(json) {
  if (json === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(json);
  /** @type {{ status: string, assertionResults: { status: string }[] }[]} */
  const files = report.testResults;
  const unloaded = files.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * @param {string | undefined} xml what pytest's --junitxml wrote
 * @returns {Counts}
 */
export function pytestCounts(xml) {
  const suite = xml?.match(/<testsuite [^>]*>/)?.[0];
  if (suite === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const count = (/** @type {string} */ name) => Number(suite.match(new RegExp(` ${name}="(\\d+)"`))?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  return { passed: count("tests") - failed - skipped, failed, skipped };
}
