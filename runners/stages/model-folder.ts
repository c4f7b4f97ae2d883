import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { canonicalJson, sha256 } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";

const PICKLES = /\.(bin|pt|pth|ckpt|pkl)$/;

/**
 * Identity of a model folder by content.
 *
 * @throws RunError model_refused when the folder or a part that every model needs is missing.
 */
export async function folderSha256(path: string): Promise<string> {
  const files = await checkModelFolder(path);
  const hashes: Record<string, string> = {};
  for (const file of files) hashes[file] = await fileSha256(join(path, file));
  return sha256(canonicalJson(hashes));
}

/** The files of a model folder, once it is known to hold a config, a tokenizer and safetensors. */
export async function checkModelFolder(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) throw refused(path, "no folder that can be read", "a model folder");
  const files = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .toSorted();
  if (!files.includes("config.json")) throw refused(path, "no config.json", "a model folder as the hub stores it");
  if (!files.includes("tokenizer.json")) throw refused(path, "no tokenizer.json", "the tokenizer beside the weights");
  if (!files.some((file) => file.endsWith(".safetensors"))) {
    const pickle = files.find((file) => PICKLES.test(file));
    throw refused(
      path,
      pickle === undefined ? "no weights" : `only pickled weights (${pickle})`,
      "weights as .safetensors",
    );
  }
  return files;
}

function refused(path: string, found: string, expected: string): RunError {
  return new RunError({ code: "model_refused", facts: { file: path, found, expected } });
}

async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
