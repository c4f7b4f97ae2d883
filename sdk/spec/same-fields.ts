/**
 * `true` when two types have fields of the same names, otherwise the names that only one has: `true` is no value of them.
 * An optional field on one side alone passes every other comparison of the compiler.
 */
export type SameFields<One, Other> = [OneSided<One, Other>] extends [never] ? true : OneSided<One, Other>;

type OneSided<One, Other> = Exclude<keyof One, keyof Other> | Exclude<keyof Other, keyof One>;
