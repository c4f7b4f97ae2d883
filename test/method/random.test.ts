import { expect, test } from "vitest";
import { randomFromSeed } from "../../sdk/method/index.js";
import { xoshiro128StarStar } from "../../sdk/method/random.js";

const take = (count: number, next: () => number) => Array.from({ length: count }, next);

test("the generator gives the numbers of the reference implementation in C", () => {
  expect(take(10, xoshiro128StarStar([1, 2, 3, 4]).nextUint32)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test.each([
  ["", [2988730470, 1666900107, 221464154]],
  ["longform", [3592858025, 3386817427, 1349023404]],
  ["长文", [3620252712, 3489627270, 305495319]],
])('seed "%s" starts the recorded stream', (seed, expected) => {
  expect(take(3, randomFromSeed(seed).nextUint32)).toEqual(expected);
});

test.each([1, 2, 3, 7, 120, 1000])("below %i draws every number equally often", (bound) => {
  const random = randomFromSeed("uniform");
  const counts = Array.from({ length: bound }, () => 0);
  const draws = bound * 1_000;
  for (let draw = 0; draw < draws; draw += 1) {
    const drawn = random.below(bound);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  const chiSquare = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
  // Mean bound - 1, variance 2 (bound - 1): five standard deviations.
  expect(chiSquare).toBeLessThanOrEqual(bound - 1 + 5 * Math.sqrt(2 * bound));
});
