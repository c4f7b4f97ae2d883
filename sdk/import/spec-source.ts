import type { DatasetInput } from "../spec/dataset.js";
import type { ModelInput } from "../spec/model.js";
import type { SftInput } from "../spec/sft.js";
import type { TuningInput } from "../spec/tuning.js";

/** A spec file in TypeScript with one supervised fine-tuning; `notes` become comments above it. */
export function specSource(name: string, stage: SftInput, notes: readonly string[]): string {
  const { model, dataset, tuning, ...settings } = stage;
  const calls = [modelCall(model), datasetCall(dataset), ...(tuning === undefined ? [] : [tuningCall(tuning)])];
  const imports = ["experiment", ...calls.flatMap(({ builder }) => (builder === null ? [] : [builder]))].toSorted();
  const fields = [
    `model: ${calls[0]?.text}`,
    `dataset: ${calls[1]?.text}`,
    ...(tuning === undefined ? [] : [`tuning: ${calls[2]?.text}`]),
    ...Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}: ${literal(value)}`),
  ];
  return [
    `import { ${imports.join(", ")} } from "longform";`,
    "",
    ...notes.map((note) => `// ${note}`),
    `export default experiment(${JSON.stringify(name)}, (x) => {`,
    '  x.sft("sft", {',
    ...fields.map((field) => `    ${field},`),
    "  });",
    "});",
    "",
  ].join("\n");
}

interface Call {
  /** The function that is called; null for a plain object. */
  readonly builder: string | null;
  readonly text: string;
}

function modelCall(model: ModelInput): Call {
  switch (model.kind) {
    case "folder":
      return { builder: "folder", text: `folder(${literal(model.path)})` };
    case "hub": {
      const { kind: _, repository, ...options } = model;
      return { builder: "hub", text: `hub(${literal(repository)}${further(options)})` };
    }
    case "scratch":
    case "stage":
      return { builder: null, text: literal(model) };
  }
}

function datasetCall(dataset: DatasetInput): Call {
  if (dataset.kind !== "shareGpt") return { builder: null, text: literal(dataset) };
  const { kind: _, path, name, ...options } = dataset;
  return { builder: "shareGpt", text: `shareGpt(${literal(path)}, ${literal(name)}${further(options)})` };
}

function tuningCall({ kind, ...settings }: TuningInput): Call {
  return { builder: kind, text: `${kind}(${literal(settings)})` };
}

/** Options as a further argument, when there are any. */
function further(options: object): string {
  return Object.values(options).every((value) => value === undefined) ? "" : `, ${literal(options)}`;
}

/** A value as TypeScript writes it: keys without quotes where they need none. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([key, field]) => `${/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)}: ${literal(field)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
