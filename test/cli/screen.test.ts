import { expect, test } from "vitest";
import { fitted, textTail } from "../../runners/cli/screen.js";

test("a line is cut to the columns of the terminal, in which a Chinese character takes two", () => {
  expect(fitted("abcdef", 4)).toBe("abcd");
  expect(fitted("ab", 4)).toBe("ab");
  expect(fitted("第一页上有", 5)).toBe("第一");
  expect(fitted("a🎈b", 3)).toBe("a🎈");
});

test("what a model writes cannot move the cursor or begin a line", () => {
  expect(fitted("a\u001b[2Jb\r\nc", 20)).toBe("a [2Jb  c");
});

test("of a text that is being written its end is shown, on one line", () => {
  expect(textTail("one\n\ntwo  three", 9)).toBe("two three");
  expect(textTail("第一页上有", 5)).toBe("上有");
  expect(textTail("short", 20)).toBe("short");
});
