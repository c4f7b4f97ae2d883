// The tests of models and training on CUDA, with one rank for each device through NCCL, and those that need a
// device (`npm run test:gpu`). Where torch sees no device it says so and ends well.
import { spawnSync } from "node:child_process";
import { environmentPython } from "./environments.mjs";
import { pytest, runSuites, setUpForTests } from "./test-suites.mjs";

const PROGRAM = `
import torch
names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
print("; ".join(names) or f"-torch {torch.__version__} sees no CUDA device")
`;

function seenDevices() {
  const { status, stdout, stderr } = spawnSync(environmentPython("train"), ["-c", PROGRAM], { encoding: "utf8" });
  if (status !== 0) throw new Error(`torch does not answer: ${stderr}`);
  return stdout.trim();
}

function main() {
  if (!setUpForTests()) return 1;
  const seen = seenDevices();
  if (seen.startsWith("-")) {
    console.log(
      `The GPU tests are skipped: ${seen.slice(1)}. On a machine with one, LONGFORM_TORCH=cuda npm run setup installs torch with CUDA.`,
    );
    console.log("0 passed, 0 failed");
    return 0;
  }
  console.log(`On ${seen}:`);
  // cuBLAS gives equal results in two runs only with a workspace of a fixed size.
  const variables = { LONGFORM_TEST_DEVICE: "cuda", CUBLAS_WORKSPACE_CONFIG: ":4096:8" };
  return runSuites([pytest(["-m", "not slow", "tests/models", "tests/train"], variables)]);
}

process.exitCode = main();
