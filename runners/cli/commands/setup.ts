import type { AddCommand } from "../globals.js";

export const addSetup: AddCommand = (line, execute) =>
  line.command(
    "setup",
    "Install what is missing: the Python environment, in a checkout also packages and the build",
    (command) =>
      command
        .option("check", {
          type: "boolean",
          default: false,
          describe: "Only say what is missing; exit code 1 if anything is",
        })
        .option("torch", {
          choices: ["auto", "cpu", "cuda"] as const,
          requiresArg: true,
          describe: "Which torch; auto takes CUDA only where a device is",
        })
        .example("$0 setup", "make this machine ready")
        .example("$0 setup --check --json", "what is missing, for programs"),
    (options) =>
      execute(async () => {
        const { runSetup } = await import("../run-setup.js");
        return await runSetup(options);
      }),
  );
