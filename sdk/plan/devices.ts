/** An accelerator as its maker describes it. */
export interface Device {
  readonly name: string;
  readonly memoryBytes: number;
  /** Peak of dense bfloat16 arithmetic, in 10¹² operations a second. */
  readonly bfloat16Teraflops: number;
  /** Peak of float32 arithmetic outside tensor cores. */
  readonly float32Teraflops: number;
  /** What the driver, the communication library and the allocator hold before a training has begun. */
  readonly runtimeBytes: number;
}

const gigabytes = 1e9;

function card(name: string, memoryGigabytes: number, bfloat16Teraflops: number, float32Teraflops: number): Device {
  return {
    name,
    memoryBytes: memoryGigabytes * gigabytes,
    bfloat16Teraflops,
    float32Teraflops,
    runtimeBytes: 2.5 * gigabytes,
  };
}

/** By the name that `--device` takes. */
export const devices: readonly Device[] = [
  card("A100-40", 40, 312, 19.5),
  card("A100-80", 80, 312, 19.5),
  card("A800-80", 80, 312, 19.5),
  card("H100-80", 80, 989, 67),
  card("H800-80", 80, 989, 67),
  card("H200-141", 141, 989, 67),
  card("B200-180", 180, 2_250, 75),
  card("GB200-186", 186, 2_500, 80),
  card("L40S-48", 48, 362, 91),
  card("RTX4090-24", 24, 165, 82),
  // A processor of a few cores: so that the plan of a small example says something.
  {
    name: "cpu",
    memoryBytes: 8 * gigabytes,
    bfloat16Teraflops: 0.05,
    float32Teraflops: 0.05,
    runtimeBytes: 0.4 * gigabytes,
  },
];

/** Taken where nobody names one. */
export const assumedDevice: Device = card("H100-80", 80, 989, 67);

/** The device of that name, or the only one whose name begins so, whatever its case, spaces and dashes. */
export function findDevice(name: string): Device | undefined {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "")
      .replace(/gb$/, "");
  const begin = devices.filter((device) => plain(device.name).startsWith(plain(name)));
  return begin.find((device) => plain(device.name) === plain(name)) ?? (begin.length === 1 ? begin[0] : undefined);
}

/** Reads "80GB", "80 GB", "79.6GiB" or "512MB" as bytes; undefined for anything else. */
export function readBytes(text: string): number | undefined {
  const units: Readonly<Record<string, number>> = {
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
  };
  const [, number = "", unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([MGT]i?B)\s*$/.exec(text) ?? [];
  const factor = units[unit];
  return factor === undefined || Number(number) <= 0 ? undefined : Number(number) * factor;
}
