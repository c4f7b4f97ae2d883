import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { SetupProblem } from "./problem.mjs";

const noNetwork =
  /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH|Connection refused|Network is unreachable|NewConnectionError|Max retries exceeded|Temporary failure in name resolution|dns error|tcp connect error|Could not connect|error sending request|ConnectTimeout|\(from versions: none\)/i;
const noTorch = /(no version of|satisfies the requirement|found for) torch==\S*\+cpu|\/whl\/cpu\b/;
const noSpace = /ENOSPC|No space left on device|os error 28/i;

/**
 * What a failed command means for the user, as one line.
 * @param {string} what the command in the user's words
 * @param {string} output everything it printed
 * @param {string} logFile where the output can be read
 */
export function explainFailure(what, output, logFile) {
  if (noSpace.test(output)) return `${what}: the disk is full. Free some space and run this again.`;
  if (noTorch.test(output)) {
    return `${what}: no CPU build of torch can be had here. Set PIP_FIND_LINKS to a folder with that wheel, or LONGFORM_TRAIN_PYTHON to an interpreter that has torch, and run this again.`;
  }
  if (noNetwork.test(output)) {
    return `${what}: the package registry cannot be reached. Connect to the network, or set a mirror (npm: registry in .npmrc; Python: PIP_INDEX_URL), and run this again.`;
  }
  const lines = output.split("\n").map((line) => line.trim());
  const telling = lines.find((line) => /error/i.test(line)) ?? lines.filter(Boolean).at(-1) ?? "no output";
  return `${what} failed: ${telling} (all of its output: ${logFile})`;
}

/**
 * Runs a command to its end, its output into a log file.
 * @param {string} what the command in the user's words
 * @param {string[]} command
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, logFile: string }} options
 * @returns {Promise<void>} rejects with a SetupProblem when the command fails
 */
export function runLogged(what, [program = "", ...args], { cwd, env, logFile }) {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = createWriteStream(logFile, { flags: "a" });
  log.write(`$ ${[program, ...args].join(" ")}\n`);
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(program, args, { cwd, env: env ?? process.env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (/** @type {string} */ text) => {
        output += text;
        log.write(text);
      });
    }
    child.on("error", (cause) => reject(new SetupProblem(`${what} failed: ${cause.message}`, { cause })));
    child.on("close", (code) => {
      log.end();
      if (code === 0) resolve();
      else reject(new SetupProblem(explainFailure(what, output, logFile)));
    });
  });
}
