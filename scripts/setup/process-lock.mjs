import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * When a process began, in kernel ticks; "" where there is no /proc, and for a process that is dead
 * or only waits to be reaped.
 * @param {string} pid
 */
function startOf(pid) {
  try {
    // The fields after the command's name, which may hold spaces and brackets itself.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

/**
 * Whether the process that wrote this lock still lives; a number alone may since belong to another.
 * @param {string} pid
 * @param {string} start
 */
function lives(pid, start) {
  try {
    process.kill(Number(pid), 0);
    return startOf(pid) === start;
  } catch {
    return false;
  }
}

/** @param {string} lockFile */
function ownerOf(lockFile) {
  try {
    const [pid = "", start = ""] = readFileSync(lockFile, "utf8").split(" ");
    return { pid, start };
  } catch {
    return undefined;
  }
}

/**
 * Runs `work` while no other process does so under the same lock file; a lock whose owner is dead
 * is taken over.
 * @template T
 * @param {string} lockFile
 * @param {(line: string) => void} say
 * @param {() => Promise<T>} work
 */
export async function alone(lockFile, say, work) {
  const me = String(process.pid);
  for (let told = false; ; ) {
    try {
      writeFileSync(lockFile, `${me} ${startOf(me)}`, { flag: "wx" });
      break;
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
    }
    const owner = ownerOf(lockFile);
    if (owner && !lives(owner.pid, owner.start)) rmSync(lockFile, { force: true });
    else if (owner && !told) {
      say(`waiting for the set-up of process ${owner.pid}`);
      told = true;
    }
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}
