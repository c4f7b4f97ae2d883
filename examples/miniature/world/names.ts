/** The names of one kind of fact in one language: `name` writes, `find` reads. */
export interface Names<T> {
  name(fact: T): string;
  /** The fact whose name stands first in a text. */
  find(text: string): T | undefined;
}

/** In `pattern`, ALL stands for the alternatives and is the first group: "\\b(ALL)s?\\b". */
export function names<const T>(pairs: readonly (readonly [T, string])[], pattern: string): Names<T> {
  const nameOf = new Map(pairs);
  const factOf = new Map(pairs.map(([fact, name]) => [name, fact]));
  const expression = new RegExp(pattern.replace("ALL", [...factOf.keys()].join("|")), "u");
  return {
    name(fact) {
      const name = nameOf.get(fact);
      if (name === undefined) throw new RangeError(`${String(fact)} has no name in this grammar`);
      return name;
    },
    find(text) {
      const name = expression.exec(text)?.[1];
      return name === undefined ? undefined : factOf.get(name);
    },
  };
}
