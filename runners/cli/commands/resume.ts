import { type AddCommand, runPositional, runsOption } from "../globals.js";

export const addResume: AddCommand = (line, execute) =>
  line.command(
    "resume <run>",
    "Take a failed, cancelled or interrupted run up where it stopped",
    (command) =>
      command
        .positional("run", runPositional)
        .option("runs", runsOption)
        .option("detach", { type: "boolean", default: false, describe: "Start it, print how to come back, and leave" })
        .option("listen", {
          type: "string",
          requiresArg: true,
          describe: "Loopback address where clients may reach the runner as well, such as 127.0.0.1:0",
        })
        .option("verbose", { type: "boolean", default: false, describe: "Show what engines print as well" })
        .example("$0 resume last", "the newest run"),
    (options) =>
      execute(async () => {
        const { resumeRun } = await import("../resume-run.js");
        return await resumeRun(options);
      }),
  );
