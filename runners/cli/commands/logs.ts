import { type AddCommand, runPositional, runsOption } from "../globals.js";

export const addLogs: AddCommand = (line, execute) =>
  line.command(
    "logs <run>",
    "Print what the runner, the worker agent and the engines of a run have printed",
    (command) =>
      command
        .positional("run", runPositional)
        .option("runs", runsOption)
        .option("stage", {
          type: "string",
          requiresArg: true,
          describe: "Only this stage, such as sft or bench/texts; or runner, or agent",
        })
        .example("$0 logs last", "everything, each file under its name")
        .example("$0 logs last --stage sft", "one stage"),
    (options) =>
      execute(async () => {
        const { printLogs } = await import("../print-logs.js");
        return await printLogs(options);
      }),
  );
