import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "#environments";
import { nearestKey } from "../../sdk/experiment/nearest-key.js";
import { commands } from "./commands/index.js";
import { ExitCode } from "./exit-code.js";
import type { Execute, Globals } from "./globals.js";
import { UsageError } from "./usage-error.js";
import { type Argv, yargs } from "./yargs.js";

const USAGE = `Long-output vision-language experiments: train, write, score, report.

  $0 COMMAND [options]
  $0 COMMAND --help      what a command does, its options, examples`;

const EXIT_CODES = `Exit codes:
  0    done; also after Ctrl-C has detached from a run that goes on
  1    the run failed
  2    bad input: something in the command, the spec, the data or on this machine must be changed first
  3    the runner is gone or cannot be reached, and the run has not ended
  75   the run was preempted: resume, or the same command, goes on with it
  130  the run was cancelled`;

/**
 * Runs one command.
 *
 * @returns The exit code. Nothing is thrown: an error is told on stderr, and with --json as one object on stdout.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let code: number = ExitCode.done;
  let thrown: unknown;
  const execute: Execute = async (work) => {
    try {
      code = await work();
    } catch (error) {
      thrown = error;
    }
  };
  try {
    await commandLine(execute).parseAsync([...args]);
  } catch (error) {
    thrown = await usageError(error, args);
  }
  if (thrown === undefined) return code;
  const { reportProblem } = await import("./report-problem.js");
  return reportProblem(thrown, { json: args.includes("--json"), debug: args.includes("--debug") });
}

function commandLine(execute: Execute): Argv<Globals> {
  const globals = yargs()
    .scriptName("longform")
    // Otherwise half of the text would follow the language of the machine.
    .locale("en")
    .usage(USAGE)
    .option("json", { type: "boolean", default: false, describe: "Print JSON for programs, one value a line" })
    .option("debug", { type: "boolean", default: false, describe: "Show stack traces" })
    .version(packageVersion())
    .epilogue(EXIT_CODES)
    .strict()
    .fail(false)
    .exitProcess(false)
    .wrap(process.stdout.isTTY ? Math.min(process.stdout.columns, 120) : 100);
  const line = Object.values(commands).reduce<Argv<Globals>>((known, add) => add(known, execute), globals);
  return line.command("$0", false, {}, () => execute(async () => await noCommand(line)));
}

async function noCommand(line: Argv<Globals>): Promise<number> {
  process.stdout.write(`${await line.getHelp()}\n`);
  return ExitCode.badInput;
}

/** What yargs says of a command line that does not fit, with the nearest name. */
async function usageError(error: unknown, args: readonly string[]): Promise<UsageError> {
  const [word = ""] = args;
  if (!word.startsWith("-") && !(word in commands))
    return new UsageError(`There is no command "${word}".${meant(word, Object.keys(commands))}`);
  const message = error instanceof Error ? error.message : String(error);
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(", ") ?? [];
  const option = unknown.find((name) => args.some((arg) => arg.split("=")[0] === `--${name}` || arg === `-${name}`));
  if (option !== undefined)
    return new UsageError(`There is no option --${option} here.${meant(option, await optionNames(args), "--")}`);
  if (unknown.length > 0) return new UsageError(`"${unknown[0]}" is one word too many. Try --help.`);
  if (message.startsWith("Not enough non-option arguments"))
    return new UsageError(`${usageOf(await helpText(args))}: something is missing. Try --help.`);
  const value = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (value !== undefined) return new UsageError(`--${value} needs a value. Try --help.`);
  return new UsageError(`${message} Try --help.`, { cause: error });
}

function meant(word: string, names: readonly string[], prefix = ""): string {
  const nearest = nearestKey(word, names);
  return nearest === undefined ? " Try --help." : ` Did you mean ${prefix}${nearest}?`;
}

async function helpText(args: readonly string[]): Promise<string> {
  let text = "";
  await commandLine(async () => {}).parseAsync([...args, "--help"], {}, (_error, _argv, output) => {
    text = output;
  });
  return text;
}

function usageOf(help: string): string {
  return help.split("\n")[0] ?? "";
}

async function optionNames(args: readonly string[]): Promise<readonly string[]> {
  const known = args.filter((arg) => !arg.startsWith("-"));
  return [...(await helpText(known)).matchAll(/--([a-z][a-z-]*)/g)].map(([, name = ""]) => name);
}

function packageVersion(): string {
  const found: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  return typeof found === "object" && found !== null && "version" in found ? String(found.version) : "unknown";
}
