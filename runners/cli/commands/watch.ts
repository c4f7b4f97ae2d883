import { type AddCommand, runPositional, runsOption } from "../globals.js";

export const addWatch: AddCommand = (line, execute) =>
  line.command(
    "watch <run>",
    "Show a run from its beginning until it has ended; works on finished runs and without a runner",
    (command) =>
      command
        .positional("run", runPositional)
        .option("runs", runsOption)
        .option("after", {
          type: "number",
          default: 0,
          requiresArg: true,
          describe: "Number of the last event that you have",
        })
        .option("verbose", { type: "boolean", default: false, describe: "Show what engines print as well" })
        .example("$0 watch last", "the newest run")
        .example("$0 watch last --json --after 100", "every event from number 101 on, then the outcome"),
    (options) =>
      execute(async () => {
        const [{ findRun }, { followRun }] = await Promise.all([
          import("../run-reference.js"),
          import("../follow-run.js"),
        ]);
        return await followRun(await findRun(options.run, options.runs), { ...options, afterSeq: options.after });
      }),
  );
