import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { lookAtTorchBuilds, lookAtTrainingLibraries } from "../../runners/cli/doctor-training.js";

afterEach(() => vi.unstubAllEnvs());

test("the doctor names a lock that a killed build has left, and no lock of a build that may be running", async () => {
  const folder = await mkdtemp(join(tmpdir(), "longform-builds-"));
  try {
    vi.stubEnv("TORCH_EXTENSIONS_DIR", folder);
    const lock = join(folder, "py311_cpu", "cpu_adam", "lock");
    await mkdir(join(lock, ".."), { recursive: true });
    await writeFile(lock, "");
    expect(await lookAtTorchBuilds()).toMatchObject({ state: "ok" });
    const started = Date.now() / 1_000 - 3_660;
    await utimes(lock, started, started);
    const { state, text, advice } = await lookAtTorchBuilds();
    expect(state).toBe("absent");
    expect(text).toContain(`${lock} (61 minutes old)`);
    expect(advice).toContain(`rm ${lock}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the doctor tells the versions of the libraries that ZeRO and LoRA need", async () => {
  const { state, text } = await lookAtTrainingLibraries();
  expect(state).toBe(process.platform === "linux" ? "ok" : "absent");
  expect(text).toMatch(/peft \d+\./);
});
