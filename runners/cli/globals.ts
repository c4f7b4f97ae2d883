import type { Argv } from "./yargs.js";

/** Options that every command takes. */
export interface Globals {
  readonly json: boolean;
  readonly debug: boolean;
}

/** Runs the work of the chosen command and keeps its exit code, or what it threw. */
export type Execute = (work: () => Promise<number>) => Promise<void>;

/** Adds one command to the command line. */
export type AddCommand = (line: Argv<Globals>, execute: Execute) => Argv<Globals>;

/** `--runs`, for every command that reads or writes runs. */
export const runsOption = {
  type: "string",
  requiresArg: true,
  describe: "Folder of the runs; without it LONGFORM_RUNS, else ./runs",
} as const;

/** The positional that names a run. */
export const runPositional = {
  type: "string",
  demandOption: true,
  describe: 'Id of a run, the beginning of one, "last", or the path of its folder',
} as const;
