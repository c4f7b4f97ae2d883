import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { fitted, printable, Screen, textTail } from "../../runners/cli/screen.js";

test("a line is cut to the columns of the terminal, in which a Chinese character takes two", () => {
  expect(fitted("abcdef", 4)).toBe("abcd");
  expect(fitted("ab", 4)).toBe("ab");
  expect(fitted("第一页上有", 5)).toBe("第一");
  expect(fitted("a🎈b", 3)).toBe("a🎈");
});

test("what a model writes cannot move the cursor or begin a line", () => {
  expect(fitted("a\u001b[2Jb\r\nc", 20)).toBe("ab  c");
});

test("of what an engine prints the text is left: no colour, no title of the window, no lone control character", () => {
  expect(printable("\u001b[1;31mred\u001b[0m \u001b]0;title\u0007and 10%\r20%\u001b[K\u009b2J 第一\u0007")).toBe(
    "red and 10% 20% 第一 ",
  );
});

test("a line that stays reaches the terminal without commands of its own", () => {
  const output = new PassThrough();
  const screen = new Screen(Object.assign(output, { columns: 80 }));
  screen.print("    \u001b[2Jloading\u001b[5A");
  expect(String(output.read())).toBe("\r\u001b[J    loading\n\r\u001b[J");
});

test("of a text that is being written its end is shown, on one line", () => {
  expect(textTail("one\n\ntwo  three", 9)).toBe("two three");
  expect(textTail("第一页上有", 5)).toBe("上有");
  expect(textTail("short", 20)).toBe("short");
});
