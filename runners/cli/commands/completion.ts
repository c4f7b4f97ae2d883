import { ExitCode } from "../exit-code.js";
import type { AddCommand } from "../globals.js";

export const addCompletion: AddCommand = (line, execute) =>
  line.command(
    "completion",
    "Print a script that completes commands in bash and zsh",
    (command) => command.example("$0 completion >> ~/.bashrc", "from the next shell on"),
    () =>
      execute(async () => {
        line.showCompletionScript();
        return ExitCode.done;
      }),
  );
