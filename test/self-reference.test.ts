import { expect, test } from "vitest";
import * as sdk from "longform";
import * as source from "../sdk/index.js";

test("the package's own name means the sources, without a build", () => {
  expect(Object.keys(sdk).length).toBeGreaterThan(0);
  for (const [name, value] of Object.entries(source)) expect(sdk).toHaveProperty(name, value);
});
