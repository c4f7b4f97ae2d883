/**
 * A value of this type names every field that only one of two types has, so that `{}` compiles only when there is none.
 * An optional field on one side alone passes every other comparison of the compiler.
 */
export type OneSided<One, Other> = Record<Exclude<keyof One, keyof Other> | Exclude<keyof Other, keyof One>, never>;
