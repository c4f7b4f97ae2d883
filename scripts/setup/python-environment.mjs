import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  environmentFolder,
  environmentPython,
  interpreterVariable,
  isCheckout,
  longformHome,
  packageRoot,
} from "../environments.mjs";
import { runLogged } from "./child-process.mjs";
import { SetupProblem } from "./problem.mjs";
import { findPython, isNewEnough, probePython } from "./python.mjs";
import { installUv } from "./uv.mjs";

const requirements = join(packageRoot, "python-worker", "requirements");
const stampName = "longform.json";
const neededModules = [
  "torch",
  "transformers",
  "tokenizers",
  "safetensors",
  "PIL",
  "numpy",
  "jinja2",
  "grpc",
  "google.protobuf",
  "zmq",
];

/** Containers may lack one of the two. */
const seesDevice = () => ["/dev/nvidiactl", "/proc/driver/nvidia/version"].some((path) => existsSync(path));

/**
 * Which torch to install: as told, else CUDA only where an NVIDIA device is seen.
 * @param {string | undefined} choice `cpu`, `cuda` or `auto`
 * @returns {"cpu" | "gpu"}
 */
export function torchVariant(choice = "auto", hasDevice = seesDevice()) {
  if (choice === "cpu") return "cpu";
  if (choice === "cuda") return "gpu";
  if (choice === "auto") return hasDevice ? "gpu" : "cpu";
  throw new SetupProblem(`--torch (or LONGFORM_TORCH) is "${choice}": it must be cpu, cuda or auto.`);
}

/** @param {"cpu" | "gpu"} variant */
function lockFiles(variant) {
  const locks = [join(requirements, `train-${variant}.lock`)];
  // Tests, checks and code generation need a checkout, so only a checkout gets their packages.
  return isCheckout ? [...locks, join(requirements, "dev.lock")] : locks;
}

/** @param {string[]} locks */
function hashOf(locks) {
  const hash = createHash("sha256");
  for (const lock of locks) hash.update(readFileSync(lock)).update("\0");
  return hash.digest("hex");
}

/** @param {string} folder */
function installedLock(folder) {
  // existsSync follows the link: an environment whose base interpreter is gone must be made again.
  if (!existsSync(join(folder, "bin", "python"))) return undefined;
  try {
    return JSON.parse(readFileSync(join(folder, stampName), "utf8")).lock;
  } catch {
    return undefined;
  }
}

/**
 * Where the user's settings for pip should hold for uv too.
 * @param {NodeJS.ProcessEnv} variables
 */
function uvVariables(variables) {
  /** @type {NodeJS.ProcessEnv} */
  const mapped = {};
  if (variables["PIP_INDEX_URL"]) mapped["UV_DEFAULT_INDEX"] = variables["PIP_INDEX_URL"];
  if (variables["PIP_EXTRA_INDEX_URL"]) mapped["UV_INDEX"] = variables["PIP_EXTRA_INDEX_URL"];
  if (variables["PIP_CERT"]) mapped["SSL_CERT_FILE"] = variables["PIP_CERT"];
  return { ...mapped, ...variables };
}

/**
 * Makes the environment beside its final place and moves it there whole, so that neither a killed
 * set-up nor a failed download leaves half an environment or loses the old one.
 * @param {{ folder: string, locks: string[], variant: "cpu" | "gpu", base: import("./python.mjs").Interpreter, logFile: string, variables: NodeJS.ProcessEnv }} job
 */
export async function makeEnvironment({ folder, locks, variant, base, logFile, variables }) {
  mkdirSync(dirname(folder), { recursive: true });
  for (const name of readdirSync(dirname(folder))) {
    if (name.startsWith(`${basename(folder)}.`)) rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
  const partial = `${folder}.partial`;
  const python = join(partial, "bin", "python");
  const uv = await installUv({ base, logFile });
  const wanted = ["--no-deps", ...locks.flatMap((lock) => ["-r", lock])];
  if (uv) {
    // DeepSpeed comes as a source distribution: what builds it is locked too.
    const buildTools = locks.flatMap((lock) => ["--build-constraints", lock]);
    const env = uvVariables(variables);
    const wheels = variables["PIP_FIND_LINKS"];
    const source = wheels ? ["--find-links", wheels] : variant === "cpu" ? ["--torch-backend", "cpu"] : [];
    await runLogged("uv venv", [uv, "venv", "--quiet", "--relocatable", "--python", base.executable, partial], {
      env,
      logFile,
    });
    const install = [uv, "pip", "install", "--python", python, ...buildTools, ...source, ...wanted];
    await runLogged("uv pip install", install, { env, logFile });
  } else {
    await runLogged("python -m venv", [base.executable, "-m", "venv", partial], { env: variables, logFile });
    await runLogged("pip install", [python, "-m", "pip", "install", ...wanted], { env: variables, logFile });
  }
  writeFileSync(join(partial, stampName), `${JSON.stringify({ lock: hashOf(locks), variant })}\n`);
  if (existsSync(folder)) renameSync(folder, `${folder}.old`);
  renameSync(partial, folder);
  rmSync(`${folder}.old`, { recursive: true, force: true });
}

/** @param {NodeJS.ProcessEnv} variables */
function requireNamedInterpreter(variables) {
  const variable = interpreterVariable("train");
  const command = environmentPython("train", variables);
  const found = probePython(command, neededModules, variables);
  if (!found)
    throw new SetupProblem(`${variable} is "${command}": it does not start. Name a Python interpreter, or unset it.`);
  if (!isNewEnough(found.version)) {
    throw new SetupProblem(
      `${variable} is Python ${found.version.join(".")}: 3.11 or newer is needed. Name another, or unset it.`,
    );
  }
  if (found.missing.length > 0) {
    throw new SetupProblem(
      `${variable} lacks ${found.missing.join(", ")}: install python-worker/requirements/train-cpu.lock there, or unset it.`,
    );
  }
}

/** @type {import("./steps.mjs").InspectStep} */
export function trainEnvironment({ torch, logFile, variables }) {
  if (variables[interpreterVariable("train")]) {
    requireNamedInterpreter(variables);
    return undefined;
  }
  const variant = torchVariant(torch ?? variables["LONGFORM_TORCH"]);
  const folder = environmentFolder("train", variables);
  const locks = lockFiles(variant);
  if (installedLock(folder) === hashOf(locks)) return undefined;
  const base = findPython(variables);
  return {
    does: `make the Python environment "train" (${variant === "cpu" ? "torch for CPUs" : "torch with CUDA"}, Python ${base.version.join(".")}) in ${longformHome(variables)}`,
    downloadMegabytes: variant === "cpu" ? 400 : 3400,
    diskMegabytes: variant === "cpu" ? 2500 : 12_000,
    run: () => makeEnvironment({ folder, locks, variant, base, logFile, variables }),
  };
}
