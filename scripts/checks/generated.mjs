import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generate, generatedFolder } from "../gen.mjs";

/** The Python stubs in the repository are what the protos give. */
export function generatedCheck() {
  const wanted = generate();
  const present = readdirSync(generatedFolder).filter((name) => /\.pyi?$/.test(name));
  const stale = present.filter((name) => !wanted.has(name));
  const differing = [...wanted].filter(
    ([name, text]) => !present.includes(name) || readFileSync(join(generatedFolder, name), "utf8") !== text,
  );
  return [...stale, ...differing.map(([name]) => name)].map(
    (name) => `gen/${name} is not what the protos give: npm run gen`,
  );
}
