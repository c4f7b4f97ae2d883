import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { zeroConfig } from "../../sdk/plan/zero-config.js";
import { Precision } from "../../sdk/spec/model.js";
import { Zero } from "../../sdk/spec/zero.js";

const Recorded = z.array(
  z.strictObject({
    title: z.string(),
    settings: z.strictObject({ zero: Zero, precision: Precision, maxGradientNorm: z.number() }),
    config: z.json(),
  }),
);
const file = new URL("../golden/zero-configs.json", import.meta.url);
const recorded = Recorded.parse(JSON.parse(readFileSync(file, "utf8")));

test.each(recorded)("the configuration of DeepSpeed is the recorded one: $title", ({ settings, config }) => {
  expect(zeroConfig(settings)).toEqual(config);
});
