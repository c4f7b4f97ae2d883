import { type AddCommand, runsOption } from "../globals.js";

export const addPlan: AddCommand = (line, execute) =>
  line.command(
    "plan <file>",
    "Show what would run, in order, and what the cache has already; starts nothing",
    (command) =>
      command
        .positional("file", { type: "string", demandOption: true, describe: "A .ts, .mts, .js, .mjs or .json file" })
        .option("runs", runsOption)
        .example("$0 plan experiment.ts", "each stage, cached or not and why")
        .example("$0 plan experiment.ts --json", "one object a stage"),
    (options) =>
      execute(async () => {
        void import("../../../sdk/client/bundle.js").then(({ startCompiler }) => startCompiler());
        const { showPlan } = await import("../show-plan.js");
        return await showPlan(options);
      }),
  );
