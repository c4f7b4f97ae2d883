import { type AddCommand, runsOption } from "../globals.js";

export const addDoctor: AddCommand = (line, execute) =>
  line.command(
    "doctor",
    "Look whether this machine is ready, ending with a small real run",
    (command) =>
      command
        .option("runs", runsOption)
        .example("$0 doctor", "every check with what to do where one fails")
        .example("$0 doctor --json", "the same for programs; exit code 2 if one fails"),
    (options) =>
      execute(async () => {
        const { runDoctor } = await import("../doctor.js");
        return await runDoctor(options);
      }),
  );
