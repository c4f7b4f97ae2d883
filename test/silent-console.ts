import { afterEach, beforeEach, expect, vi } from "vitest";

// A library that prints spoils the output of whoever embeds it: any console output fails the test.
const methods = ["log", "info", "debug", "warn", "error"] as const;
const spies = methods.map((method) => vi.spyOn(console, method));

beforeEach(() => {
  for (const spy of spies) spy.mockClear();
});

afterEach(() => {
  const printed = spies.flatMap((spy) => spy.mock.calls.map((call) => call.map(String).join(" ")));
  expect(printed, "a test must not print to the console").toEqual([]);
});
