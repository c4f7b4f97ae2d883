import { complaints, nodeProgram } from "./command.mjs";

/** Lint with types: no any, no assertions, exhaustive switches, no console, lengths of files and functions. */
export function lintCheck() {
  return complaints([...nodeProgram("oxlint"), "--format=unix", "--max-warnings=0"]);
}
