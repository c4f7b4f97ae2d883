import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterAll, onTestFinished } from "vitest";

const here = dirname(fileURLToPath(import.meta.url));

/** Bundles a program of this folder, so that plain node can run it without a build of the package. */
export function bundleProgram(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "longform-child-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, "program.mjs");
  buildSync({
    entryPoints: [join(here, name)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
  });
  return outfile;
}

export interface Child {
  readonly process: ChildProcessByStdio<null, Readable, null>;
  readonly pid: number;
  readonly lines: Interface;
  /** Every whole line of its output so far. */
  readonly seen: readonly string[];
  /** The end of the process, its output read to the end. */
  readonly ended: Promise<void>;
}

/** Starts a bundled program; whatever happens to the test, it ends with it. */
export function startChild(program: string, ...parameters: readonly string[]): Child {
  const running = spawn(process.execPath, [program, ...parameters], { stdio: ["ignore", "pipe", "inherit"] });
  const { pid } = running;
  if (pid === undefined) throw new Error("node did not start");
  onTestFinished(() => void running.kill("SIGKILL"));
  const lines = createInterface({ input: running.stdout });
  const seen: string[] = [];
  lines.on("line", (line) => seen.push(line));
  const ended = Promise.all([once(running, "exit"), once(lines, "close")]).then(() => undefined);
  return { process: running, pid, lines, seen, ended };
}

/** The next line of a child's output. */
export async function nextLine(child: Child): Promise<string> {
  const [line]: unknown[] = await once(child.lines, "line");
  return String(line);
}
