import type { AddCommand } from "../globals.js";

export const addImport: AddCommand = (line, execute) =>
  line.command(
    "import <from> <file>",
    "Write a spec from the training file of another system, and say what became of each key",
    (command) =>
      command
        .positional("from", { choices: ["llama-factory"] as const, demandOption: true, describe: "Whose file it is" })
        .positional("file", { type: "string", demandOption: true, describe: "The training file (YAML)" })
        .option("output", {
          type: "string",
          requiresArg: true,
          describe: "File to write, .ts or .json; without it the name of the file with .ts",
        })
        .option("nodes", { type: "number", default: 1, requiresArg: true, describe: "Nodes that it ran on" })
        .option("ranks-per-node", {
          type: "number",
          default: 1,
          requiresArg: true,
          describe: "Accelerators of each node: the batch of a step is counted over all of them",
        })
        .example("$0 import llama-factory qwen2_5vl_full_sft.yaml --ranks-per-node 8", "writes qwen2_5vl_full_sft.ts")
        .example("$0 import llama-factory sft.yaml --output specs/sft.ts --json", "the list of keys for programs"),
    (options) =>
      execute(async () => {
        const { importLlamaFactoryFile } = await import("../import-llama-factory.js");
        return await importLlamaFactoryFile(options);
      }),
  );
