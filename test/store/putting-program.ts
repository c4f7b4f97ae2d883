// Stores twenty texts and a folder, the same in every process, and writes what each is stored as.
// Parameters: root of the blob store, an empty folder of its own.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BlobStore } from "../../runners/store/blobs.js";

const [, , root = "", own = ""] = process.argv;
const blobs = new BlobStore(root);
const texts = Array.from({ length: 20 }, (_, index) => `text ${index} `.repeat(5_000));
const refs = await Promise.all(texts.map(async (text) => await blobs.putText(text)));
const folder = join(own, "model");
mkdirSync(join(folder, "weights"), { recursive: true });
writeFileSync(join(folder, "config.json"), "{}");
writeFileSync(join(folder, "weights", "model"), "0".repeat(100_000));
const tree = await blobs.putTree(folder);
process.stdout.write(refs.map(({ sha256, bytes }) => `${sha256} ${bytes}\n`).join(""));
process.stdout.write(`${tree.tree} ${tree.bytes} tree\n`);
