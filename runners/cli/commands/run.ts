import { type AddCommand, runsOption } from "../globals.js";

export const addRun: AddCommand = (line, execute) =>
  line.command(
    "run <file>",
    "Run an experiment in a process of its own and watch it; Ctrl-C detaches, twice within 2 s cancels",
    (command) =>
      command
        .positional("file", { type: "string", demandOption: true, describe: "A .ts, .mts, .js, .mjs or .json file" })
        .option("runs", runsOption)
        .option("detach", { type: "boolean", default: false, describe: "Start it, print how to come back, and leave" })
        .option("listen", {
          type: "string",
          requiresArg: true,
          describe: "Loopback address where clients may reach the runner as well, such as 127.0.0.1:0",
        })
        .option("verbose", { type: "boolean", default: false, describe: "Show what engines print as well" })
        .example("$0 run experiment.ts", "again: everything that is done comes from the cache")
        .example("$0 run experiment.ts --detach", "start it and leave")
        .example("$0 run experiment.ts --json", "every event, then the outcome, one JSON object a line"),
    (options) =>
      execute(async () => {
        void import("../../../sdk/client/bundle.js").then(({ startCompiler }) => startCompiler());
        const { runFile } = await import("../run-file.js");
        return await runFile(options);
      }),
  );
