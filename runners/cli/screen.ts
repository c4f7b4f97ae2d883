import { stripVTControlCharacters } from "node:util";

/** Time between two pictures of the changing lines. */
const REDRAW_MS = 100;

/** Where a screen is drawn. */
type ScreenOutput = NodeJS.WritableStream & Pick<NodeJS.WriteStream, "columns">;

/** A terminal whose last lines are written over again and again, below lines that stay. */
export class Screen {
  readonly #output: ScreenOutput;
  #drawn = 0;
  #wanted: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(output: ScreenOutput) {
    this.#output = output;
  }

  /** Writes a line that stays. */
  print(line: string): void {
    this.#output.write(`${this.#erasing()}${printable(line)}\n`);
    this.#draw();
  }

  /** What the changing lines show from now on. */
  show(lines: readonly string[]): void {
    this.#wanted = lines;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, REDRAW_MS);
  }

  /** Takes the changing lines away. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wanted = [];
    if (this.#drawn > 0) this.#output.write(this.#erasing());
  }

  #draw(): void {
    const lines = this.#wanted.map((line) => fitted(line, this.#output.columns - 1));
    this.#output.write(`${this.#erasing()}${lines.map((line) => `${line}\n`).join("")}`);
    this.#drawn = lines.length;
  }

  #erasing(): string {
    const up = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A`;
    this.#drawn = 0;
    return `${up}\r\u001b[J`;
  }
}

/** The end of a text that is being written, on one line. */
export function textTail(text: string, columns: number): string {
  const flat = text.replaceAll(/\s+/g, " ");
  const characters = Array.from(flat);
  let width = 0;
  let start = characters.length;
  while (start > 0) {
    width += widthOf(characters[start - 1] ?? "");
    if (width > columns) break;
    start -= 1;
  }
  return characters.slice(start).join("");
}

/** A line cut to the width of the terminal, so that it never wraps. */
export function fitted(line: string, columns: number): string {
  let width = 0;
  let kept = "";
  for (const character of printable(line)) {
    width += widthOf(character);
    if (width > columns) return kept;
    kept += character;
  }
  return kept;
}

/** Models and engines may write anything; what moves the cursor or colours the terminal must not reach it. */
export function printable(line: string): string {
  return stripVTControlCharacters(line).replaceAll(/\p{Cc}/gu, " ");
}

/** Columns that a character takes in a terminal: two for the wide scripts of East Asia and for pictures. */
function widthOf(character: string): number {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60]|\p{Emoji_Presentation}/u.test(
    character,
  )
    ? 2
    : 1;
}
