import { type AddCommand, runsOption } from "../globals.js";

export const addAudit: AddCommand = (line, execute) =>
  line.command(
    "audit <file>",
    "Count the rows of every training with its model's own processor; name the rows that do not fit",
    (command) =>
      command
        .positional("file", { type: "string", demandOption: true, describe: "A .ts, .mts, .js, .mjs or .json file" })
        .option("runs", runsOption)
        .option("stage", { type: "string", requiresArg: true, describe: "Only this stage, such as sft" })
        .option("all", { type: "boolean", default: false, describe: "Name every row that does not fit, not only 20" })
        .option("verbose", { type: "boolean", default: false, describe: "Show what engines print as well" })
        .example("$0 audit experiment.ts", "lengths with a histogram; exit code 2 where a training could not start")
        .example("$0 audit experiment.ts --stage sft --all", "one training, every row that does not fit")
        .example("$0 audit experiment.ts --json", "one object a stage: distributions, bins, rows that do not fit"),
    (options) =>
      execute(async () => {
        void import("../../../sdk/client/bundle.js").then(({ startCompiler }) => startCompiler());
        const { auditFile } = await import("../audit-file.js");
        return await auditFile(options);
      }),
  );
