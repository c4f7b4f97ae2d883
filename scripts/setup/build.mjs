import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isCheckout, packageRoot } from "../environments.mjs";
import { runLogged } from "./child-process.mjs";

const stampFile = join(packageRoot, "dist", ".built-from");

/** A hash of everything that the compiler's output depends on. */
export function sourcesHash(root = packageRoot) {
  const hash = createHash("sha256");
  const sources = ["sdk", "runners"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$|^tsconfig\.json$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const settings = [
    "tsconfig.json",
    "tsconfig.base.json",
    "package.json",
    "package-lock.json",
    "scripts/bundle-cli.mjs",
  ];
  for (const file of [...sources.toSorted(), ...settings.map((name) => join(root, name))]) {
    hash.update(file.slice(root.length)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

function builtFrom() {
  try {
    return readFileSync(stampFile, "utf8");
  } catch {
    return undefined;
  }
}

/** @param {string} logFile */
async function compile(logFile) {
  const hash = sourcesHash();
  rmSync(stampFile, { force: true });
  const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
  await runLogged("tsc -b", [process.execPath, tsc, "-b"], { cwd: packageRoot, logFile });
  const bundle = join(packageRoot, "scripts", "bundle-cli.mjs");
  await runLogged("bundle-cli.mjs", [process.execPath, bundle], { cwd: packageRoot, logFile });
  mkdirSync(join(packageRoot, "dist"), { recursive: true });
  writeFileSync(stampFile, hash);
}

/** @type {import("./steps.mjs").InspectStep} */
export function build({ logFile }) {
  if (!isCheckout || builtFrom() === sourcesHash()) return undefined;
  return {
    does: "compile the TypeScript sources",
    downloadMegabytes: 0,
    diskMegabytes: 10,
    run: () => compile(logFile),
  };
}
