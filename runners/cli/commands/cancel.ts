import { type AddCommand, runPositional, runsOption } from "../globals.js";

export const addCancel: AddCommand = (line, execute) =>
  line.command(
    "cancel <run>",
    "End a run; what it has finished stays, and resume takes it up again",
    (command) =>
      command
        .positional("run", runPositional)
        .option("runs", runsOption)
        .option("reason", {
          type: "string",
          default: "longform cancel",
          requiresArg: true,
          describe: "For the record of the run",
        })
        .example("$0 cancel last", "the newest run"),
    (options) =>
      execute(async () => {
        const { cancelNamed } = await import("../cancel-named.js");
        return await cancelNamed(options);
      }),
  );
