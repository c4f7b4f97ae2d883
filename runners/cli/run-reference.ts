import { access } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { runsFolder } from "../../sdk/client/submit.js";
import { nearestKey } from "../../sdk/experiment/nearest-key.js";
import { listRuns } from "../../sdk/run-folder/list-runs.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { UsageError } from "./usage-error.js";

/**
 * The folder of the run that somebody names: by its id, by the beginning of one, as "last", or by a path.
 *
 * @throws UsageError when there is none, or when several begin so.
 */
export async function findRun(reference: string, runs: string | undefined): Promise<string> {
  if (reference.includes("/") || reference.includes(sep) || /^\.+$/.test(reference))
    return await runAt(resolve(reference));
  const folder = runsFolder(runs);
  const found = await listRuns(folder);
  const newest = found.at(-1);
  if (newest === undefined)
    throw new UsageError(
      `There are no runs in ${folder}. \`longform run FILE\` makes one; --runs names another folder.`,
    );
  if (reference === "last") return newest.folder;
  const exact = found.find(({ id }) => id === reference);
  const candidates = exact === undefined ? found.filter(({ id }) => id.startsWith(reference)) : [exact];
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) return only.folder;
  if (only !== undefined) throw new UsageError(`Several runs begin with "${reference}": ${named(candidates)}.`);
  const nearest = nearestKey(
    reference,
    found.map(({ id }) => id),
  );
  throw new UsageError(
    `There is no run "${reference}" in ${folder}. ${nearest === undefined ? `It has ${named(found)}.` : `Did you mean ${nearest}?`}`,
  );
}

async function runAt(path: string): Promise<string> {
  const found = await access(runPaths(path).spec).then(
    () => true,
    () => false,
  );
  if (found) return path;
  throw new UsageError(`${path} is not the folder of a run: it has no spec.json.`);
}

const NAMED = 5;

function named(runs: readonly { readonly id: string }[]): string {
  const names = runs.slice(-NAMED).map(({ id }) => id);
  return runs.length > NAMED ? `${names.join(", ")} and ${runs.length - NAMED} older ones` : names.join(", ");
}
