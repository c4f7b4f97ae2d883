import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildFailure, Plugin } from "esbuild";
import { packageRoot } from "#environments";

/** Code of a user's module with everything it imports, as one module. */
export interface Bundle {
  readonly code: string;
  /** SHA-256 of the code. It does not depend on where the files lie. */
  readonly sha256: string;
  readonly exports: readonly string[];
}

/** The entry points of this package, so that a user's file finds them wherever it lies. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  longform: "dist/sdk/index.js",
  "longform/method": "dist/sdk/method/index.js",
  "longform/report": "dist/sdk/report/index.js",
};

/** Starts the compiler, which is a process of its own, while this one loads what reads a spec. */
export function startCompiler(): void {
  void import("esbuild").then(async ({ transform }) => await transform("")).catch(() => undefined);
}

/**
 * Bundles a module of user functions for the run that captures it.
 *
 * @throws SpecError naming `field` when the module is missing, does not compile or reads what lies beside it.
 */
export async function bundleForRun(module: string, field: string): Promise<Bundle> {
  const { outputs, text } = await build(module, field, { external: false, plugins: [ownPackage("bundle"), ownPlace] });
  return { code: text, sha256: hash("sha256", text), exports: outputs };
}

/** A bundle out of the code that {@link bundleForRun} made. */
export async function bundleOf(code: string): Promise<Bundle> {
  const esbuild = await import("esbuild");
  const { metafile } = await esbuild.build({ stdin: { contents: code }, write: false, metafile: true, format: "esm" });
  return { code, sha256: hash("sha256", code), exports: Object.values(metafile.outputs)[0]?.exports ?? [] };
}

/**
 * Compiles a spec file to one module that is imported beside it: packages stay where they are, and each file keeps its
 * own `import.meta.url`.
 *
 * @throws SpecError naming `file` when it does not compile.
 */
export async function compileSpec(path: string, file: string): Promise<string> {
  return (await build(path, file, { external: true, plugins: [ownPackage("external"), ownUrls] })).text;
}

interface Settings {
  readonly external: boolean;
  readonly plugins: Plugin[];
}

async function build(
  entry: string,
  field: string,
  { external, plugins }: Settings,
): Promise<{ text: string; outputs: readonly string[] }> {
  const esbuild = await import("esbuild");
  try {
    const result = await esbuild.build({
      entryPoints: [entry],
      absWorkingDir: dirname(entry),
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "silent",
      legalComments: "none",
      // Comments hold paths of this machine; without white space there are none.
      minifyWhitespace: !external,
      ...(external ? { packages: "external", define: { "import.meta.url": FILE_URL } } : { banner: { js: REQUIRE } }),
      plugins,
    });
    return {
      text: result.outputFiles[0]?.text ?? "",
      outputs: Object.values(result.metafile.outputs)[0]?.exports ?? [],
    };
  } catch (error) {
    const first = isBuildFailure(error) ? error.errors[0] : undefined;
    if (first === undefined) throw error;
    const { SpecError } = await import("../experiment/spec-error.js");
    if (first.pluginName === ownPlace.name)
      throw new SpecError([{ path: field, found: first.text, expected: PLACELESS }]);
    const where =
      first.location === null ? "" : ` (${join(dirname(entry), first.location.file)}:${first.location.line})`;
    throw new SpecError([{ path: field, found: `${first.text}${where}`, expected: "a module that compiles" }]);
  }
}

/** CommonJS packages ask for what is built into Node by `require`, which a module has to make for them. */
const REQUIRE =
  'import{createRequire as longform_create_require}from"node:module";const require=longform_create_require(import.meta.url);';

const SOURCE = /\.[cm]?[jt]sx?$/;

/** What tells a module where it lies. */
const PLACES = [
  "import.meta.url",
  "import.meta.dirname",
  "import.meta.filename",
  "import.meta.resolve",
  "__dirname",
  "__filename",
];
const PLACELESS =
  "code that needs no file beside it: import the JSON, pass the data as arguments, or keep what finds files in a module that the function does not import";

/** Refuses a user's file that asks where it lies: in a run it would get the folder of the captured code. */
const ownPlace: Plugin = {
  name: "own-place",
  setup(builder) {
    builder.onLoad({ filter: SOURCE, namespace: "file" }, async ({ path }) => {
      if (isInstalled(path)) return undefined;
      const source = await readFile(path, "utf8");
      const named = PLACES.filter((place) => source.includes(place));
      if (named.length === 0) return undefined;
      // The compiler tells a use from a comment, a string or a parameter of that name.
      const define = Object.fromEntries(named.map((place) => [place, markOf(place)]));
      const compiled = await builder.esbuild
        .transform(source, { define, loader: loaderOf(path) })
        .catch(() => undefined);
      const used = named.find((place) => compiled?.code.includes(markOf(place)));
      return used === undefined
        ? undefined
        : { errors: [{ text: `${used} in ${path}, of which a run has a copy elsewhere` }] };
    });
  },
};

function markOf(place: string): string {
  return `longform_place_${PLACES.indexOf(place)}`;
}

/** Whether a file is part of a package, this one included. */
function isInstalled(path: string): boolean {
  return (
    path.includes(`${sep}node_modules${sep}`) ||
    ["dist", "scripts"].some((folder) => path.startsWith(join(packageRoot, folder, sep)))
  );
}

function loaderOf(path: string): "js" | "jsx" | "ts" | "tsx" {
  if (path.endsWith("x")) return path.endsWith(".tsx") ? "tsx" : "jsx";
  return path.endsWith("ts") ? "ts" : "js";
}

const FILE_URL = "longform_file_url";

const ownUrls: Plugin = {
  name: "own-urls",
  setup(builder) {
    builder.onLoad({ filter: SOURCE, namespace: "file" }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (!source.includes("import.meta.url")) return undefined;
      // On the first line, so that the others keep their numbers; what may stand there for the shell is no code.
      const first = `const ${FILE_URL}=${JSON.stringify(pathToFileURL(path).href)};${source.startsWith("#!") ? "//" : ""}`;
      return { contents: `${first}${source}`, loader: loaderOf(path) };
    });
  },
};

function ownPackage(how: "bundle" | "external"): Plugin {
  return {
    name: "own-package",
    setup(builder) {
      builder.onResolve({ filter: /^longform(\/|$)/ }, ({ path }) => {
        const entry = ENTRY_POINTS[path];
        if (entry === undefined) return undefined;
        const file = join(packageRoot, entry);
        return how === "external" ? { path: pathToFileURL(file).href, external: true } : { path: file };
      });
    },
  };
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}
