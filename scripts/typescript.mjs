// Lets Node run the project's TypeScript as it is: `node --import ./scripts/typescript.mjs FILE.ts`.
import { register } from "node:module";

register("./typescript-hooks.mjs", import.meta.url);
