import { expect, test } from "vitest";
import { failureOf } from "../../sdk/failure/failure.js";

test.each(["ENOSPC", "EDQUOT"])("what the system refuses with %s is a full disk", (code) => {
  const error = Object.assign(new Error(`${code}: write`), { code });
  expect(failureOf(error)).toEqual({ code: "disk_full", detail: `${code}: write`, facts: {} });
});

test("any other error of the system is internal", () => {
  expect(failureOf(Object.assign(new Error("EIO: write"), { code: "EIO" })).code).toBe("internal");
});
