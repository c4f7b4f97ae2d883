import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../environments.mjs";

const recordedFile = join(packageRoot, "test", "golden", "public-names.txt");
const entries = { longform: "sdk/index", "longform/method": "sdk/method/index", "longform/report": "sdk/report/index" };

/**
 * The names that a declaration file exports, those of `export *` included.
 * @param {string} file
 * @returns {string[]}
 */
export function exportedNames(file) {
  const text = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const declared = [
    ...text.matchAll(
      /^export (?:declare )?(?:abstract )?(const|let|function|class|interface|type|enum|namespace) (\w+)/gm,
    ),
  ].map(([, kind, name]) => (kind === "interface" || kind === "type" ? `type ${name}` : `${name}`));
  const listed = [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, allTypes, names = ""]) =>
    names
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .map((part) => {
        const isType = allTypes !== undefined || part.startsWith("type ");
        const name = part
          .replace(/^type /, "")
          .split(" as ")
          .at(-1);
        return isType ? `type ${name}` : `${name}`;
      }),
  );
  const spaces = [...text.matchAll(/^export \* as (\w+) from/gm)].map(([, name]) => `${name}`);
  const rest = [...text.matchAll(/^export \* from "([^"]+)"/gm)].flatMap(([, path = ""]) =>
    exportedNames(join(dirname(file), path.replace(/\.js$/, ".d.ts"))),
  );
  return [...declared, ...listed, ...spaces, ...rest];
}

/** One line for each public name: "longform: name" or "longform: type Name". */
function publicNames() {
  return Object.entries(entries).flatMap(([entry, path]) =>
    [...new Set(exportedNames(join(packageRoot, "dist", `${path}.d.ts`)))]
      .toSorted()
      .map((name) => `${entry}: ${name}`),
  );
}

function recordedNames() {
  try {
    return readFileSync(recordedFile, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

/** A public name appears or disappears only on purpose. */
export function publicNamesCheck() {
  const now = publicNames();
  const recorded = recordedNames();
  const differences = [
    ...now.filter((name) => !recorded.includes(name)).map((name) => `new: ${name}`),
    ...recorded.filter((name) => !now.includes(name)).map((name) => `gone: ${name}`),
  ];
  if (differences.length === 0) return [];
  return [...differences, "If this is meant: node scripts/checks/public-names.mjs"];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  mkdirSync(dirname(recordedFile), { recursive: true });
  writeFileSync(recordedFile, `${publicNames().join("\n")}\n`);
}
