import { complaints, nodeProgram } from "./command.mjs";
import { projectFiles } from "./project-files.mjs";

/** The built projects, then those that are only checked. */
export function typesCheck() {
  const built = complaints([...nodeProgram("tsc"), "-b"]);
  if (built.length > 0) return built;
  const folders = ["scripts", "test", "examples", "bench"].filter(
    (folder) => projectFiles(new RegExp(`^${folder}/.*\\.m?[tj]s$`)).length > 0,
  );
  return folders.flatMap((folder) => complaints([...nodeProgram("tsc"), "-p", folder]));
}
