import { assumedUtilisation } from "../../sdk/plan/compute.js";
import { assumedDevice, type Device, devices, findDevice, readBytes } from "../../sdk/plan/devices.js";
import type { Assumption } from "../../sdk/plan/tokens.js";
import { UsageError } from "./usage-error.js";

/** What the command line says about devices. */
export interface DeviceOptions {
  readonly device: string | undefined;
  readonly deviceMemory: string | undefined;
  /** Share of the peak that a training reaches. */
  readonly mfu: number | undefined;
}

/** The device that a plan is for, and what of it nobody named. */
export interface PlannedDevice {
  readonly device: Device;
  readonly utilisation: number;
  readonly assumed: readonly Assumption[];
}

/** @throws UsageError naming the option, what was found and what is expected. */
export function plannedDevice({ device: name, deviceMemory, mfu }: DeviceOptions): PlannedDevice {
  const named = name === undefined ? assumedDevice : findDevice(name);
  if (named === undefined)
    throw new UsageError(
      `--device ${name}: not in the catalogue (${devices.map((device) => device.name).join(", ")}). Name the nearest and give --device-memory.`,
    );
  const memoryBytes = deviceMemory === undefined ? named.memoryBytes : readBytes(deviceMemory);
  if (memoryBytes === undefined)
    throw new UsageError(`--device-memory ${deviceMemory}: found no size; write 80GB or 79.6GiB.`);
  if (mfu !== undefined && !(mfu > 0 && mfu <= 1)) throw new UsageError(`--mfu ${mfu}: a share above 0 and up to 1.`);
  return {
    device: { ...named, memoryBytes },
    utilisation: mfu ?? assumedUtilisation,
    assumed: [
      ...(name === undefined
        ? [
            {
              field: "device",
              value: deviceMemory === undefined ? "80 GB at the speed of an H100" : "the speed of an H100",
              why: "none is named: --device H100-80",
            },
          ]
        : []),
      ...(mfu === undefined
        ? [
            {
              field: "utilisation",
              value: String(assumedUtilisation),
              why: "published trainings with images reach 0.3 to 0.4 of the peak; --mfu changes it",
            },
          ]
        : []),
    ],
  };
}
