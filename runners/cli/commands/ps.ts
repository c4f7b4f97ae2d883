import { type AddCommand, runsOption } from "../globals.js";

export const addPs: AddCommand = (line, execute) =>
  line.command(
    "ps",
    "List runs, the newest last",
    (command) =>
      command
        .option("runs", runsOption)
        .example("$0 ps", "where every run stands")
        .example("$0 ps --json", "one object a run"),
    (options) =>
      execute(async () => {
        const { listAll } = await import("../list-all.js");
        return await listAll(options);
      }),
  );
