import { join } from "node:path";
import { environmentPython, packageRoot } from "../environments.mjs";
import { complaints } from "./command.mjs";
import { projectFiles } from "./project-files.mjs";

const maxFileLines = 400;
const maxFunctionLines = 60;

/** Files and functions that may be longer, as `path` or `path:function`, each with its reason. @type {Record<string, string>} */
const exceptions = {};

const code = `
import ast, sys
file_limit, function_limit = int(sys.argv[1]), int(sys.argv[2])
found = []
for path in sys.argv[3:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = len(text.splitlines())
    if lines > file_limit:
        found.append(f"{path}: {lines} lines, at most {file_limit}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > function_limit:
                found.append(f"{path}:{node.name}: {lines} lines, at most {function_limit}")
print("\\n".join(found))
sys.exit(1 if found else 0)`;

export function pythonLengthsCheck() {
  const files = projectFiles(/^python-worker\/.*\.py$/).filter((name) => !name.includes("/gen/"));
  const python = environmentPython("train");
  const found = complaints(
    [python, "-c", code, String(maxFileLines), String(maxFunctionLines), ...files],
    join(packageRoot),
  );
  const excused = new Set(Object.keys(exceptions));
  const offenders = found.filter((line) => ![...excused].some((name) => line.startsWith(`${name}: `)));
  const idle = [...excused].filter((name) => !found.some((line) => line.startsWith(`${name}: `)));
  return [...offenders, ...idle.map((name) => `${name}: is short enough, delete its exception`)];
}
