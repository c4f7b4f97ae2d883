import { expect, test } from "vitest";
import { BUCKETS, bucketOf } from "../../sdk/method/index.js";

test.each([
  [1, "0-1500", "0-1500"],
  [1499, "0-1500", "0-1500"],
  [1499.5, "0-1500", "3000-4000"],
  [1500, "1500-2000", "1500-2000"],
  [1999, "1500-2000", "1500-2000"],
  [2000, "2000-3000", "2000-3000"],
  [2999, "2000-3000", "2000-3000"],
  [2999.9, "2000-3000", "3000-4000"],
  [3000, "3000-4000", "3000-4000"],
  [3999, "3000-4000", "3000-4000"],
  [4000, "4000+", "3000-4000"],
  [1e9, "4000+", "3000-4000"],
])("%f words fall into %s, in the published code into %s", (words, halfOpen, published) => {
  expect(bucketOf(words, "half-open")).toBe(halfOpen);
  expect(bucketOf(words, "published-code")).toBe(published);
});

test("the buckets follow one another without gap or overlap and end open", () => {
  expect(BUCKETS.map(({ from }) => from)).toEqual([0, 1500, 2000, 3000, 4000]);
  expect(BUCKETS.map(({ below }) => below)).toEqual([1500, 2000, 3000, 4000, undefined]);
});
