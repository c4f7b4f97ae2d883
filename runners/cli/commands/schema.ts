import type { AddCommand } from "../globals.js";

export const addSchema: AddCommand = (line, execute) =>
  line.command(
    "schema [kind]",
    "Print the JSON Schema of a kind of spec",
    (command) =>
      command
        .positional("kind", { type: "string", default: "experiment", describe: "experiment, sft, mmLongBenchWrite" })
        .option("example", { type: "boolean", default: false, describe: "A smallest valid spec instead" })
        .example("$0 schema", "of a whole experiment")
        .example("$0 schema sft --example", "a smallest valid spec"),
    (options) =>
      execute(async () => {
        const { printSchema } = await import("../print-schema.js");
        return printSchema(options);
      }),
  );
