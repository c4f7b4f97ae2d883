import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { environmentPython, interpreterVariable, longformHome, packageRoot } from "../../scripts/environments.mjs";

test("a checkout keeps its environments inside itself", () => {
  expect(packageRoot).toBe(resolve(import.meta.dirname, "../.."));
  expect(environmentPython("train", {})).toBe(join(packageRoot, ".longform/envs/train/bin/python"));
});

test("LONGFORM_HOME moves all environments, and a variable replaces one of them", () => {
  const variables = { LONGFORM_HOME: "/data/longform", LONGFORM_VLLM_PYTHON: "/opt/vllm/bin/python" };
  expect(longformHome(variables)).toBe("/data/longform");
  expect(environmentPython("train", variables)).toBe("/data/longform/envs/train/bin/python");
  expect(environmentPython("vllm", variables)).toBe("/opt/vllm/bin/python");
  expect(interpreterVariable("vllm")).toBe("LONGFORM_VLLM_PYTHON");
});

test("the user's home is not touched from a checkout", () => {
  expect(longformHome({})).not.toContain(join(homedir(), ".local"));
});
