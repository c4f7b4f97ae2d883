import { expect, test } from "vitest";
import { type AuditedStage, auditLines, type Offender, trainable } from "../../runners/cli/audit-text.js";
import { distributionOf } from "../../runners/cli/distribution.js";

const sound: AuditedStage = {
  stage: "sft",
  maxTokens: 32_768,
  tooLong: "refuse",
  rows: { counted: 4, kept: 4, capped: 0, dropped: 0, refused: 0 },
  images: 9,
  tokens: distributionOf([210, 340, 341, 2_600], 32_768),
  imageTokens: distributionOf([64, 128, 128, 256]),
  targetTokens: distributionOf([100, 160, 170, 2_000]),
  longer: 0,
  offenders: [],
  found: null,
  report: "runs/.blobs/ab/abcd",
};

const lengths = Array.from({ length: 300 }, (_, index) => 100 + ((index * index) % 487));

function offenders(count: number): readonly Offender[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `deck-${index}`,
    action: "refused",
    why: `${513 + index} tokens, ${1 + index} more than maxTokens 512`,
    tokens: 513 + index,
    targetTokens: 90,
    cutCharacters: 0,
  }));
}

const refused: AuditedStage = {
  ...sound,
  stage: "long",
  maxTokens: 512,
  rows: { counted: 301, kept: 277, capped: 0, dropped: 0, refused: 24 },
  images: 1_204,
  tokens: distributionOf(lengths, 512),
  targetTokens: distributionOf(lengths.map((length) => length - 60)),
  longer: 23,
  offenders: [
    {
      id: "deck-x",
      action: "refused",
      why: "its prompt holds the special token <|im_end|>",
      tokens: null,
      targetTokens: null,
      cutCharacters: 0,
    },
    ...offenders(23),
  ],
};

const capped: AuditedStage = {
  ...sound,
  stage: "read",
  maxTokens: 300,
  tooLong: "cap",
  rows: { counted: 4, kept: 3, capped: 1, dropped: 0, refused: 0 },
  tokens: distributionOf([210, 240, 241, 300], 300),
  longer: 1,
  offenders: [
    {
      id: "a",
      action: "capped",
      why: "322 tokens, 22 more than maxTokens 300",
      tokens: 300,
      targetTokens: 200,
      cutCharacters: 120,
    },
  ],
  found: "ShareGPT rows with role tags, images in a column of their own",
};

const none: AuditedStage = {
  ...sound,
  stage: "none",
  rows: { counted: 1, kept: 0, capped: 0, dropped: 0, refused: 1 },
  images: 0,
  tokens: null,
  imageTokens: null,
  targetTokens: null,
  offenders: offenders(1).map((one) => ({ ...one, tokens: null, why: "image 0 is 30 x 30 pixels, no multiple of 28" })),
};

test("an audit is told as numbers, histograms as wide as the terminal, and the rows that do not fit", async () => {
  const text = [
    auditLines(sound, { columns: 100, all: false }),
    auditLines(refused, { columns: 72, all: false }),
    auditLines(capped, { columns: 72, all: false }),
    auditLines(none, { columns: 72, all: false }),
  ];
  await expect(`${text.map((lines) => lines.join("\n")).join("\n\n")}\n`).toMatchFileSnapshot("../golden/audit.txt");
  for (const line of text.slice(1).flat()) if (line.includes("█")) expect(line.length).toBeLessThanOrEqual(72);
});

test("--all names every row", () => {
  const lines = auditLines(refused, { columns: 80, all: true });
  for (const { id } of refused.offenders) expect(lines.some((line) => line.startsWith(`${id} `))).toBe(true);
});

test("a training could start when no row is refused and any is left", () => {
  expect([sound, refused, capped, none].map(trainable)).toEqual([true, false, true, false]);
  expect(trainable({ ...sound, rows: { counted: 2, kept: 0, capped: 0, dropped: 2, refused: 0 } })).toBe(false);
});
