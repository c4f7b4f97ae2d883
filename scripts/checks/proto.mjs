import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../environments.mjs";
import { projectFiles } from "./project-files.mjs";

const declaration =
  /^(?:(?<kind>message|enum|service|oneof)\s+(?<block>\w+)\s*\{|rpc\s+(?<rpc>\w+)|(?:(?:optional|repeated)\s+)?(?:map<[^>]+>|[\w.]+)\s+(?<field>\w+)\s*=\s*\d+|(?<value>[A-Z][A-Z0-9_]*)\s*=\s*(?<number>\d+))/;

/**
 * @param {string} file
 * @param {string} text
 */
export function protoComplaints(file, text) {
  /** @type {string[]} */
  const found = [];
  /** @type {{ kind: string, name: string }[]} */
  const open = [];
  let commented = false;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    const at = `${file}:${index + 1}`;
    const groups = line.match(declaration)?.groups;
    const { kind, block, rpc, field, value, number } = groups ?? {};
    const name = block ?? rpc ?? field ?? value;
    // An option or a reserved range is no declaration of the contract.
    if (name !== undefined && !/^(option|reserved|import|package|syntax|return)\b/.test(line)) {
      if (!commented && !/;\s*\/\/|\{\s*\/\//.test(line)) found.push(`${at}: ${name} has no comment`);
      const inside = open.at(-1);
      if (inside?.kind === "enum" && number === "0" && !name.endsWith("_UNSPECIFIED")) {
        found.push(`${at}: enum ${inside.name} must start at ..._UNSPECIFIED = 0, not at ${name}`);
      }
    }
    if (line.includes("{") && !line.includes("}")) open.push({ kind: kind ?? "", name: block ?? "" });
    if (line.startsWith("}")) open.pop();
    commented = line.startsWith("//");
  }
  return found;
}

/** Every message, field, rpc, enum and value has a comment; every enum starts at _UNSPECIFIED. */
export function protoCheck() {
  const files = projectFiles(/^proto\/.*\.proto$/);
  return files.length === 0
    ? ["there are no protos"]
    : files.flatMap((file) => protoComplaints(file, readFileSync(join(packageRoot, file), "utf8")));
}
