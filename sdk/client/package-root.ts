import { join } from "node:path";
import { packageRoot } from "#environments";

/** The folder of the package's `.proto` files, in a checkout as in an installed package. */
export const protoFolder = join(packageRoot, "proto");

/** The folder that `PYTHONPATH` names for a worker agent. */
export const pythonWorkerFolder = join(packageRoot, "python-worker", "src");
