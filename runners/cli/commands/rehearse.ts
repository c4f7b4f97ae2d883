import { type AddCommand, runsOption } from "../globals.js";

export const addRehearse: AddCommand = (line, execute) =>
  line.command(
    "rehearse <file>",
    "Run an experiment end to end in about a minute: tiny models, two rows, two steps, a scripted judge",
    (command) =>
      command
        .positional("file", { type: "string", demandOption: true, describe: "A .ts, .mts, .js, .mjs or .json file" })
        .option("runs", runsOption)
        .option("verbose", { type: "boolean", default: false, describe: "Show what engines print as well" })
        .example("$0 rehearse experiment.ts", "before it is submitted: what was replaced, then a run of all its stages")
        .example("$0 rehearse experiment.ts --json", "what was replaced, every event, the outcome, one object a line"),
    (options) =>
      execute(async () => {
        void import("../../../sdk/client/bundle.js").then(({ startCompiler }) => startCompiler());
        const { rehearseFile } = await import("../rehearse-file.js");
        return await rehearseFile(options);
      }),
  );
