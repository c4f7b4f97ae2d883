import { type AddCommand, runPositional, runsOption } from "../globals.js";

export const addReport: AddCommand = (line, execute) =>
  line.command(
    "report <run>",
    "Print the scores of a finished run and write its HTML report again",
    (command) =>
      command
        .positional("run", runPositional)
        .option("runs", runsOption)
        .example("$0 report last", "the newest run")
        .example("$0 report last --json", "all scores, for programs"),
    (options) =>
      execute(async () => {
        const { reportRun } = await import("../report-run.js");
        return await reportRun(options);
      }),
  );
