import type { AddCommand } from "../globals.js";

export const addValidate: AddCommand = (line, execute) =>
  line.command(
    "validate <file>",
    "Check a spec, the files it names and the functions it uses",
    (command) =>
      command
        .positional("file", { type: "string", demandOption: true, describe: "A .ts, .mts, .js, .mjs or .json file" })
        .example("$0 validate experiment.ts", "names each field that does not fit, and the nearest key"),
    (options) =>
      execute(async () => {
        void import("../../../sdk/client/bundle.js").then(({ startCompiler }) => startCompiler());
        const { validateFile } = await import("../validate-file.js");
        return await validateFile(options);
      }),
  );
