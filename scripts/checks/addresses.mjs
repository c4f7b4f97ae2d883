import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../environments.mjs";
import { projectFiles } from "./project-files.mjs";

const homes = /(?<![\w.])\/(root|home\/\w+|Users\/\w+)\//;
const registries = /registry\.npmjs\.org|files\.pythonhosted\.org|pypi\.org\/simple|deb\.debian\.org/;

/**
 * @param {string} file
 * @param {string} text
 */
export function addressComplaints(file, text) {
  return text.split("\n").flatMap((line, index) => {
    const found = (line.match(homes) ?? line.match(registries))?.[0];
    return found ? [`${file}:${index + 1}: ${found} holds on one machine or network only`] : [];
  });
}

/** No file names somebody's home folder or the host of a package registry. */
export function addressesCheck() {
  const files = projectFiles(/\.(m?[tj]s|json|lock|in|toml|ya?ml|md|py|pyi|proto|sh|txt)$|^\.ci\//);
  return files.flatMap((file) => addressComplaints(file, readFileSync(join(packageRoot, file), "utf8")));
}
