// Compiles the sources (`npm run build`); with --clean from nothing, so that a package carries no
// output of a file that is gone.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { bundleCli } from "./bundle-cli.mjs";
import { packageRoot } from "./environments.mjs";

if (process.argv.includes("--clean")) rmSync(join(packageRoot, "dist"), { recursive: true, force: true });
const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
process.exitCode = spawnSync(process.execPath, [tsc, "-b"], { cwd: packageRoot, stdio: "inherit" }).status ?? 1;
if (process.exitCode === 0) await bundleCli();
