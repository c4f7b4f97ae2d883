import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, join, relative, resolve, sep } from "node:path";

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
export function programWords({ script, workingFolder, variables }: Invocation = thisProcess): string {
  if (isOnPath(script, variables["PATH"] ?? "")) return "longform";
  if (variables["npm_command"] === "exec") return "npx longform";
  // npm runs a script in the folder of its package, and the shell may stand elsewhere.
  const shellFolder = variables["npm_command"] === undefined ? workingFolder : (variables["INIT_CWD"] ?? workingFolder);
  return `node ${shellWord(shortPath(resolve(workingFolder, script), shellFolder))}`;
}

/**
 * A command of this program, ready to be pasted into the shell that started it.
 *
 * @param runs The folder of the runs, when it is not where the command would look by itself.
 */
export function commandText(words: readonly string[], runs?: string): string {
  const folder = runs === undefined ? [] : ["--runs", runs];
  return [programWords(), ...[...words, ...folder].map(shellWord)].join(" ");
}

/** A word as a shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
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

function shortPath(path: string, from: string): string {
  const short = relative(from, path);
  return short === "" || short.startsWith(`..${sep}`) ? path : short;
}
