// Joins what `longform --help` needs into one file, dist/runners/cli/longform.js, behind which every
// command is still loaded when it runs: fifty small files and the width tables of Unicode are most of the
// time of a command that does little.
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "./environments.mjs";

const folder = join(packageRoot, "dist", "runners", "cli");

/** A command's own code stays where it is. @type {import("esbuild").Plugin} */
const lazyStaysOutside = {
  name: "lazy-stays-outside",
  setup(builder) {
    builder.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      return { path: `./${relative(folder, resolve(resolveDir, path))}`, external: true };
    });
  },
};

/** The help is plain ASCII, which is as wide as it is long. @type {import("esbuild").Plugin} */
const plainWidth = {
  name: "plain-width",
  setup(builder) {
    builder.onResolve({ filter: /^string-width$/ }, () => ({ path: "string-width", namespace: "plain-width" }));
    builder.onLoad({ filter: /.*/, namespace: "plain-width" }, () => ({
      contents: "export default (text) => text.length;",
    }));
  },
};

/** Bundles the compiled command line. */
export async function bundleCli() {
  const { build } = await import("esbuild");
  await build({
    entryPoints: [join(folder, "main.js")],
    outfile: join(folder, "longform.js"),
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["#environments"],
    legalComments: "inline",
    logLevel: "error",
    plugins: [lazyStaysOutside, plainWidth],
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await bundleCli();
