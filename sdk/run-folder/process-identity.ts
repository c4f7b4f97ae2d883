import { readFileSync, readlinkSync } from "node:fs";

/**
 * Which processes can see one another: the boot of the kernel and the process namespace. Two machines, two boots and
 * two containers all differ, so that a process id is never looked up where it means another process.
 * Undefined where the system has no `/proc`.
 */
export function processSpace(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

/**
 * When a living process of this process space was started, in clock ticks since boot: with the process id it names one
 * process for ever. Undefined when there is none, or only its remains (a zombie).
 */
export function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in brackets may itself hold spaces and brackets. Field 3 is the state, field 22 the start.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}
