import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isCheckout, packageRoot } from "../environments.mjs";
import { runLogged } from "./child-process.mjs";

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }> | undefined}
 */
function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** npm writes node_modules/.package-lock.json last, so a killed installation never looks whole. */
export function nodePackagesMatchLock(root = packageRoot) {
  const wanted = lockedPackages(join(root, "package-lock.json"));
  const installed = lockedPackages(join(root, "node_modules", ".package-lock.json"));
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = installed[path];
    // An optional package may belong to another system.
    if (!found) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/** @type {import("./steps.mjs").InspectStep} */
export function nodePackages({ logFile }) {
  if (!isCheckout || nodePackagesMatchLock()) return undefined;
  return {
    does: "install the Node packages of package-lock.json",
    downloadMegabytes: 150,
    diskMegabytes: 500,
    run: () =>
      runLogged("npm ci", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: packageRoot, logFile }),
  };
}
