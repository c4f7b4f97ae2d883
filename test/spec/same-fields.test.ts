import { expect, test } from "vitest";
import type { z } from "zod";
import type { MmLongBenchWrite, MmLongBenchWriteInput } from "../../sdk/spec/mm-long-bench-write.js";
import type { SameFields } from "../../sdk/spec/same-fields.js";
import type { Sft, SftInput } from "../../sdk/spec/sft.js";

type Named = { readonly kind: string; readonly name: string };

// The compiler is what tests here: each line that should not compile must not (`npm run check types`).
test("an optional field that a spec's interface or its schema lacks does not compile", () => {
  const same: SameFields<SftInput & Named, z.input<typeof Sft>> = true;
  // @ts-expect-error: the interface lacks `seed`
  const interfaceLacks: SameFields<Omit<SftInput, "seed"> & Named, z.input<typeof Sft>> = true;
  // @ts-expect-error: the schema lacks `seeds`
  const schemaLacks: SameFields<SftInput & Named & { readonly seeds?: number }, z.input<typeof Sft>> = true;
  // @ts-expect-error: the interface lacks `profile`
  const benchLacks: SameFields<Omit<MmLongBenchWriteInput, "profile"> & Named, z.input<typeof MmLongBenchWrite>> = true;
  const named: SameFields<Omit<SftInput, "seed"> & Named, z.input<typeof Sft>> = "seed";
  expect([same, interfaceLacks, schemaLacks, benchLacks, named]).toEqual([true, true, true, true, "seed"]);
});
