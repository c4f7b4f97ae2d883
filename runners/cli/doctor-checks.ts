import { execFile } from "node:child_process";
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { environmentPython } from "#environments";
import { loadZeroMq } from "../../sdk/client/live.js";
import { failureOf } from "../../sdk/failure/failure.js";
import { failureMessage } from "../../sdk/failure/failure-message.js";
import { environmentVersions } from "../launch/environments.js";
import { RuntimeFolder } from "../service/runtime-folder.js";
import { lookAtTorchBuilds, lookAtTrainingLibraries } from "./doctor-training.js";
import { selfTest } from "./self-test.js";

/** What a look has found. `absent` is something that a run can do without. */
export interface Finding {
  readonly state: "ok" | "absent" | "failed";
  readonly text: string;
  /** What to do. */
  readonly advice?: string;
}

/** What a look may start from. */
export interface Given {
  readonly runs: string;
  /** Whether no check before has failed. */
  readonly sound: boolean;
}

export interface Check {
  readonly name: string;
  readonly look: (given: Given) => Promise<Finding>;
}

const OLDEST_NODE = [20, 19] as const;
/** Room for a small model, its checkpoints and its texts. */
const LOW_DISK_BYTES = 2e9;
const TORCH_DEADLINE_MS = 60_000;

/** Everything that a run needs, from the cheapest look to a whole run. */
export const checks: readonly Check[] = [
  { name: "node", look: guarded(lookAtNode) },
  { name: "python train", look: guarded(lookAtPython) },
  { name: "torch", look: guarded(lookAtTorch) },
  { name: "training", look: guarded(lookAtTrainingLibraries) },
  { name: "torch builds", look: guarded(lookAtTorchBuilds) },
  { name: "disk", look: guarded(lookAtDisk) },
  { name: "sockets", look: guarded(lookAtSockets) },
  { name: "live view", look: guarded(lookAtLiveView) },
  { name: "self-test", look: guarded(lookByRunning) },
];

/** A check that throws has failed, and the others go on. */
function guarded(look: Check["look"]): Check["look"] {
  return async (given) => {
    try {
      return await look(given);
    } catch (error) {
      return { state: "failed", text: failureMessage(failureOf(error)).replaceAll("\n", " ") };
    }
  };
}

async function lookByRunning({ sound }: Given): Promise<Finding> {
  return sound ? await selfTest() : { state: "absent", text: "not tried: what has failed above comes first" };
}

async function lookAtNode(): Promise<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  const text = `${process.versions.node} at ${process.execPath}`;
  if (major > oldest || (major === oldest && minor >= oldestMinor)) return { state: "ok", text };
  return { state: "failed", text, advice: `Install Node ${oldest}.${oldestMinor} or newer.` };
}

async function lookAtPython(): Promise<Finding> {
  const versions = await environmentVersions("train");
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return { state: "ok", text: `${environmentPython("train")}: ${named.join(", ")}` };
}

const TORCH_PROGRAM = `
import torch
assert float(torch.ones(3).sum()) == 3.0
devices = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
print(torch.__version__, "computes on", ", ".join(devices) or "processors only")
`;

async function lookAtTorch(): Promise<Finding> {
  try {
    const { stdout } = await promisify(execFile)(environmentPython("train"), ["-I", "-c", TORCH_PROGRAM], {
      timeout: TORCH_DEADLINE_MS,
    });
    return { state: "ok", text: stdout.trim() };
  } catch (error) {
    const words =
      error instanceof Error && "stderr" in error ? String(error.stderr).trim().split("\n").at(-1) : undefined;
    return {
      state: "failed",
      text: words || "the interpreter does not start",
      advice: "Run `longform setup`, or name an interpreter that has torch in LONGFORM_TRAIN_PYTHON.",
    };
  }
}

async function lookAtDisk({ runs }: Given): Promise<Finding> {
  const folder = await existingFolder(runs);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const text = `${(free / 1e9).toFixed(1)} GB free for ${runs}`;
  return free >= LOW_DISK_BYTES
    ? { state: "ok", text }
    : {
        state: "failed",
        text,
        advice: "Free some space, or name a folder on another disk by --runs or LONGFORM_RUNS.",
      };
}

/** The nearest folder above that exists: the folder of the runs is made by the first run. */
async function existingFolder(folder: string): Promise<string> {
  try {
    await statfs(folder);
    return folder;
  } catch {
    return await existingFolder(dirname(folder));
  }
}

async function lookAtSockets(): Promise<Finding> {
  const run = await mkdtemp(join(tmpdir(), "longform-doctor-"));
  try {
    await using runtime = await RuntimeFolder.open(run);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(runtime.file("doctor.sock"), resolve);
    });
    await new Promise((resolve) => server.close(resolve));
    return { state: "ok", text: `private folder ${dirname(runtime.path)}` };
  } finally {
    await rm(run, { recursive: true });
  }
}

async function lookAtLiveView(): Promise<Finding> {
  const library = await loadZeroMq();
  if (library !== undefined) return { state: "ok", text: `ZeroMQ ${library.version}` };
  const text =
    process.env["LONGFORM_LIVE"] === "0"
      ? "turned off by LONGFORM_LIVE=0"
      : "ZeroMQ does not load: texts are not shown while they are written, all else is the same";
  return { state: "absent", text };
}
