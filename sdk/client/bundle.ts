import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
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
 * @throws SpecError naming `field` when the module is missing or does not compile.
 */
export async function bundleForRun(module: string, field: string): Promise<Bundle> {
  const { outputs, text } = await build(module, field, { external: false, plugins: [ownPackage("bundle")] });
  return { code: text, sha256: hash("sha256", text), exports: outputs };
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
      ...(external ? { packages: "external", define: { "import.meta.url": FILE_URL } } : {}),
      plugins,
    });
    return {
      text: result.outputFiles[0]?.text ?? "",
      outputs: Object.values(result.metafile.outputs)[0]?.exports ?? [],
    };
  } catch (error) {
    const first = isBuildFailure(error) ? error.errors[0] : undefined;
    if (first === undefined) throw error;
    const where =
      first.location === null ? "" : ` (${join(dirname(entry), first.location.file)}:${first.location.line})`;
    const { SpecError } = await import("../experiment/spec-error.js");
    throw new SpecError([{ path: field, found: `${first.text}${where}`, expected: "a module that compiles" }]);
  }
}

const FILE_URL = "longform_file_url";

const ownUrls: Plugin = {
  name: "own-urls",
  setup(builder) {
    builder.onLoad({ filter: /\.[cm]?[jt]s$/, namespace: "file" }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (!source.includes("import.meta.url")) return undefined;
      return {
        contents: `const ${FILE_URL}=${JSON.stringify(pathToFileURL(path).href)};${source}`,
        loader: /\.[cm]?ts$/.test(path) ? "ts" : "js",
      };
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
