import { accessSync, constants, realpathSync } from "node:fs";
import { basename, delimiter, dirname, join, relative, resolve, sep } from "node:path";

/** How this program was started. */
export interface Invocation {
  readonly script: string;
  readonly workingFolder: string;
  readonly variables: NodeJS.ProcessEnv;
}

const thisProcess: Invocation = {
  script: process.argv[1] ?? "longform",
  workingFolder: process.cwd(),
  variables: process.env,
};

/**
 * The words that start this program again from the shell that started it: `longform`, `npx longform`, or Node with the
 * path of the script.
 */
export function programWords(invocation: Invocation = thisProcess): string {
  const { script, workingFolder, variables } = invocation;
  if (isOnPath(script, variables["PATH"] ?? "")) return "longform";
  const path = resolve(workingFolder, script);
  if (npxFinds(path, workingFolder)) return "npx longform";
  return `node ${shellWord(shellStandsElsewhere(invocation) ? path : shortPath(path, workingFolder))}`;
}

/** A command of this program, ready to be pasted into the shell that started it. */
export function commandText(words: readonly string[], invocation: Invocation = thisProcess): string {
  return [programWords(invocation), ...words.map(shellWord)].join(" ");
}

/**
 * A command about one run, ready to be pasted.
 *
 * @param runs `--runs` as it was given.
 */
export function runCommandText(
  verb: string,
  runDir: string,
  runs: string | undefined,
  invocation: Invocation = thisProcess,
): string {
  if (shellStandsElsewhere(invocation)) return commandText([verb, runDir], invocation);
  return commandText([verb, basename(runDir), ...(runs === undefined ? [] : ["--runs", runs])], invocation);
}

/** A word as a shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** npm runs a script in the folder of its package, wherever the shell stands. */
function shellStandsElsewhere({ workingFolder, variables }: Invocation): boolean {
  return variables["INIT_CWD"] !== undefined && resolve(variables["INIT_CWD"]) !== resolve(workingFolder);
}

/** npx and npm put folders of their own in front of PATH; the user's shell does not have them. */
function isOnPath(script: string, path: string): boolean {
  const folders = path.split(delimiter).filter((folder) => !/node_modules[/\\]\.bin[/\\]?$/.test(folder));
  return folders.some((folder) => {
    try {
      const program = join(folder, "longform");
      accessSync(program, constants.X_OK);
      return realpathSync(program) === realpathSync(script);
    } catch {
      return false;
    }
  });
}

/** Whether npx, asked in a folder, starts this very script: out of a package above it, or out of its own store. */
function npxFinds(script: string, folder: string): boolean {
  if (!/[/\\]node_modules[/\\]\.bin[/\\]longform$/.test(script)) return false;
  const owner = dirname(dirname(dirname(script)));
  return script.includes(`${sep}_npx${sep}`) || `${folder}${sep}`.startsWith(`${owner}${sep}`);
}

function shortPath(path: string, from: string): string {
  const short = relative(from, path);
  return short === "" || short.startsWith(`..${sep}`) ? path : short;
}
