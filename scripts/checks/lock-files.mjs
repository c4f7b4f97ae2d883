import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../environments.mjs";
import { projectFiles } from "./project-files.mjs";

const requirements = join(packageRoot, "python-worker", "requirements");

/** @param {string} file */
function linesOf(file) {
  return readFileSync(join(requirements, file), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/**
 * The pins of a requirements file and of those it includes.
 * @param {string} file
 * @returns {string[]}
 */
function pinsOf(file) {
  return linesOf(file).flatMap((line) => {
    const included = line.match(/^-r (.+)$/)?.[1];
    if (included) return pinsOf(included);
    return line.startsWith("-") ? [] : [line.replaceAll(/["']/g, "'").replaceAll(/\s+/g, " ")];
  });
}

function pythonLocks() {
  const locks = readdirSync(requirements).filter((name) => name.endsWith(".lock"));
  return locks.flatMap((lock) => {
    const locked = new Set(linesOf(lock));
    const loose = [...locked].filter((line) => !/^[\w.-]+==\S+( ;.*)?$/.test(line));
    const absent = pinsOf(lock.replace(/\.lock$/, ".in")).filter((pin) => !locked.has(pin));
    return [
      ...loose.map((line) => `${lock}: "${line}" is no exact version`),
      ...absent.map((pin) => `${lock} lacks "${pin}": npm run lock`),
    ];
  });
}

/** Lock files are exact, complete, and name neither a machine nor the address of a registry. */
export function lockFilesCheck() {
  const addresses = /https?:\/\/(registry\.|files\.|[^/"]*\/simple)|file:\/\/|"resolved"/;
  const locks = projectFiles(/(^|\/)package-lock\.json$|\.lock$/);
  const leaking = locks.filter((name) => addresses.test(readFileSync(join(packageRoot, name), "utf8")));
  return [...leaking.map((name) => `${name} records where packages were downloaded`), ...pythonLocks()];
}
