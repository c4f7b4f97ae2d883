// The real command as a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { z } from "zod";
import { packageRoot } from "#environments";

const JsonObject = z.record(z.string(), z.unknown());

export const program = join(packageRoot, "dist", "runners", "cli", "longform.js");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly folder: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Runs `longform ARGS` to its end. */
export async function longform(args: readonly string[], options: CommandOptions): Promise<Ended> {
  const command = startLongform(args, options);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    command[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  await once(command, "close");
  return { code: command.exitCode, ...output };
}

/** What npm tells the scripts that it runs would be taken for the user's. */
export function userVariables(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== "INIT_CWD" && name !== "LONGFORM_RUNS"),
  );
}

/** Starts `longform ARGS`. */
export function startLongform(args: readonly string[], { folder, variables = {} }: CommandOptions): ChildProcess {
  return spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { ...userVariables(), ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Every line of an output as JSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JsonObject.parse(JSON.parse(line)));
}
