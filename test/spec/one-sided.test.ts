import { expect, test } from "vitest";
import type { z } from "zod";
import type { MmLongBenchWrite, MmLongBenchWriteInput } from "../../sdk/spec/mm-long-bench-write.js";
import type { OneSided } from "../../sdk/spec/one-sided.js";
import type { Sft, SftInput } from "../../sdk/spec/sft.js";

type Named = { readonly kind: string; readonly name: string };

// The compiler is what tests here: each line that should not compile must not (`npm run check types`).
test("an optional field that a spec's interface or its schema lacks does not compile", () => {
  const same: OneSided<SftInput & Named, z.input<typeof Sft>> = {};
  // @ts-expect-error: the interface lacks `seed`
  const interfaceLacks: OneSided<Omit<SftInput, "seed"> & Named, z.input<typeof Sft>> = {};
  // @ts-expect-error: the schema lacks `seeds`
  const schemaLacks: OneSided<SftInput & Named & { readonly seeds?: number }, z.input<typeof Sft>> = {};
  // @ts-expect-error: the interface lacks `profile`
  const benchLacks: OneSided<Omit<MmLongBenchWriteInput, "profile"> & Named, z.input<typeof MmLongBenchWrite>> = {};
  expect([same, interfaceLacks, schemaLacks, benchLacks]).toEqual([{}, {}, {}, {}]);
});
