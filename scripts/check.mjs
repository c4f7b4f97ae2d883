// Everything that must hold beside the tests (`npm run check`). One line for each check, then its
// offenders; the last line is "N passed, N failed". Names as arguments choose some of the checks.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { addressesCheck } from "./checks/addresses.mjs";
import { formatCheck } from "./checks/format.mjs";
import { generatedCheck } from "./checks/generated.mjs";
import { libraryDoorsCheck } from "./checks/library-doors.mjs";
import { lintCheck } from "./checks/lint.mjs";
import { lockFilesCheck } from "./checks/lock-files.mjs";
import { markdownCheck } from "./checks/markdown.mjs";
import { packageCheck } from "./checks/package.mjs";
import { protoCheck } from "./checks/proto.mjs";
import { publicNamesCheck } from "./checks/public-names.mjs";
import { pythonFormatCheck, pythonLintCheck, pythonTypesCheck } from "./checks/python.mjs";
import { pythonLengthsCheck } from "./checks/python-lengths.mjs";
import { specDescriptionsCheck } from "./checks/spec-descriptions.mjs";
import { typesCheck } from "./checks/types.mjs";
import { packageRoot } from "./environments.mjs";

/** Each returns the lines that say what is wrong; none when all is well. @type {Record<string, () => string[] | Promise<string[]>>} */
const checks = {
  format: formatCheck,
  lint: lintCheck,
  types: typesCheck,
  "python-format": pythonFormatCheck,
  "python-lint": pythonLintCheck,
  "python-types": pythonTypesCheck,
  "python-lengths": pythonLengthsCheck,
  generated: generatedCheck,
  "lock-files": lockFilesCheck,
  proto: protoCheck,
  "spec-descriptions": specDescriptionsCheck,
  "public-names": publicNamesCheck,
  "library-doors": libraryDoorsCheck,
  markdown: markdownCheck,
  addresses: addressesCheck,
  package: packageCheck,
};

const shownLines = 40;

/** @param {() => string[] | Promise<string[]>} check */
async function offenders(check) {
  try {
    return await check();
  } catch (problem) {
    return [problem instanceof Error ? (problem.stack ?? problem.message) : String(problem)];
  }
}

/** @param {string[]} names */
async function main(names) {
  const unknown = names.filter((name) => !(name in checks));
  if (unknown.length > 0) {
    console.log(`No check is named ${unknown.join(", ")}: there are ${Object.keys(checks).join(", ")}.`);
    return 2;
  }
  const setup = spawnSync(process.execPath, [join(packageRoot, "scripts", "setup.mjs")], { stdio: "inherit" });
  if (setup.status !== 0) {
    console.log("0 passed, 1 failed");
    return 1;
  }
  let failed = 0;
  const chosen = Object.entries(checks).filter(([name]) => names.length === 0 || names.includes(name));
  for (const [name, check] of chosen) {
    const start = performance.now();
    const lines = await offenders(check);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${lines.length === 0 ? "ok" : "FAILED"} ${name} (${seconds} s)`);
    for (const line of lines.slice(0, shownLines)) console.log(`  ${line}`);
    if (lines.length > shownLines) console.log(`  and ${lines.length - shownLines} lines more`);
    if (lines.length > 0) failed += 1;
  }
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
