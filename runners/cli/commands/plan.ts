import { type AddCommand, runsOption } from "../globals.js";

export const addPlan: AddCommand = (line, execute) =>
  line.command(
    "plan <file>",
    "Show what would run, what the cache has already, and what each training will take; starts nothing",
    (command) =>
      command
        .positional("file", { type: "string", demandOption: true, describe: "A .ts, .mts, .js, .mjs or .json file" })
        .option("runs", runsOption)
        .option("device", { type: "string", requiresArg: true, describe: "Accelerator, such as H100-80 or A800-80" })
        .option("device-memory", {
          type: "string",
          requiresArg: true,
          describe: "Memory of one device, such as 80GB; without it that of the device",
        })
        .option("mfu", {
          type: "number",
          requiresArg: true,
          describe: "Share of the device's peak that the training reaches; 0.35 is assumed",
        })
        .option("config", {
          type: "string",
          requiresArg: true,
          describe: "The config.json of a model that neither the catalogue nor the local cache knows",
        })
        .example("$0 plan experiment.ts", "each stage, cached or not and why")
        .example("$0 plan experiment.ts --device A800-80", "does it fit, how long will it take")
        .example("$0 plan experiment.ts --json", "one object a stage"),
    (options) =>
      execute(async () => {
        void import("../../../sdk/client/bundle.js").then(({ startCompiler }) => startCompiler());
        const { showPlan } = await import("../show-plan.js");
        return await showPlan(options);
      }),
  );
