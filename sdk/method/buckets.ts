/** A range of required lengths in words, `from` included, `below` excluded. */
export interface Bucket {
  readonly id: BucketId;
  readonly from: number;
  /** Absent in the overflow bucket, which has no end. */
  readonly below?: number;
}

export type BucketId = "0-1500" | "1500-2000" | "2000-3000" | "3000-4000" | "4000+";

/**
 * `half-open`: the bucket whose range holds the length.
 * `published-code`: as the published code sorts, where whole numbers below 3000 find their range and
 * everything else (2500.5, 4000, 9000) falls into 3000-4000.
 */
export type BucketRule = "half-open" | "published-code";

/** The four buckets of the paper's Table 1 and the explicit overflow, shortest first. */
export const BUCKETS: readonly Bucket[] = [
  { id: "0-1500", from: 0, below: 1500 },
  { id: "1500-2000", from: 1500, below: 2000 },
  { id: "2000-3000", from: 2000, below: 3000 },
  { id: "3000-4000", from: 3000, below: 4000 },
  { id: "4000+", from: 4000 },
];

/** The bucket of an item that asks for `requiredWords` words (finite, above zero: see `lengthScore`). */
export function bucketOf(requiredWords: number, rule: BucketRule): BucketId {
  switch (rule) {
    case "half-open":
      return rangeOf(requiredWords);
    case "published-code":
      return Number.isInteger(requiredWords) && requiredWords < 3000 ? rangeOf(requiredWords) : "3000-4000";
  }
}

function rangeOf(requiredWords: number): BucketId {
  const holding = BUCKETS.find(({ below }) => below !== undefined && requiredWords < below);
  return holding?.id ?? "4000+";
}
