#!/usr/bin/env node
import { runCommandLine } from "./command-line.js";

// A reader that has seen enough, such as `| head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(process.exitCode);
});

process.exitCode = await runCommandLine(process.argv.slice(2));
