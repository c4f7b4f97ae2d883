import { relative } from "node:path";
import { packageRoot } from "../environments.mjs";
import { complaints, nodeProgram } from "./command.mjs";

export function formatCheck() {
  const lines = complaints([...nodeProgram("biome"), "format", "--max-diagnostics=none", "--reporter=github"]);
  const files = lines.flatMap((line) => line.match(/file=([^,]+),/)?.[1] ?? []);
  return files.length === 0
    ? lines
    : files.map((file) => `${relative(packageRoot, file)}: not formatted: npm run format`);
}
