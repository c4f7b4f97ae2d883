import type { Random } from "longform/method";

export function pick<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[random.below(items.length)] ?? items[0];
}

/** The items in a random order; every order is equally likely (Fisher and Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.below(left.length), 1));
}

/** True with the given probability, in steps of 2⁻³². */
export function chance(random: Random, probability: number): boolean {
  return random.nextUint32() < probability * 2 ** 32;
}
