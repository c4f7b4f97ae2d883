import { relative } from "node:path";
import { packageRoot } from "../environments.mjs";
import { complaints, nodeProgram } from "./command.mjs";

export function formatCheck() {
  const lines = complaints([...nodeProgram("biome"), "format", "--max-diagnostics=none", "--reporter=github"]);
  return lines.map((line) => {
    const file = line.match(/file=([^,]+),/)?.[1];
    return file ? `${relative(packageRoot, file)}: not formatted: npm run format` : line;
  });
}
