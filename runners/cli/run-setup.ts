import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { packageRoot } from "#environments";
import { ExitCode } from "./exit-code.js";

export interface SetupOptions {
  readonly check: boolean;
  readonly json: boolean;
  readonly torch?: string | undefined;
}

/** Runs the set-up script, which depends on nothing that it installs, and gives its exit code. */
export async function runSetup({ check, json, torch }: SetupOptions): Promise<number> {
  const args = [
    ...(check ? ["--check"] : []),
    ...(json ? ["--json"] : []),
    ...(torch === undefined ? [] : ["--torch", torch]),
  ];
  const setup = spawn(process.execPath, [join(packageRoot, "scripts", "setup.mjs"), ...args], { stdio: "inherit" });
  await once(setup, "close");
  return setup.exitCode ?? ExitCode.failed;
}
