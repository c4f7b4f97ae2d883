/** A reproducible stream of random numbers; two streams of one seed are equal on every machine. */
export interface Random {
  /** An integer from 0 to 2³² − 1. */
  readonly nextUint32: () => number;
  /** An integer from 0 to `bound` − 1, each equally likely; `bound` is an integer from 1 to 2³². */
  readonly below: (bound: number) => number;
}

/**
 * xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it/xoshiro128starstar.c), its state filled
 * by SplitMix32 from the FNV-1a hash of the seed's UTF-16 units. For statistics, not for secrets.
 */
export function randomFromSeed(seed: string): Random {
  const nextSeed = splitMix32(fnv1a(seed));
  return xoshiro128StarStar([nextSeed(), nextSeed(), nextSeed(), nextSeed()]);
}

/** The generator from an explicit state of four 32-bit integers, not all of them zero. */
export function xoshiro128StarStar(state: readonly [number, number, number, number]): Random {
  let [a, b, c, d] = state;
  const nextUint32 = () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
  const below = (bound: number) => {
    if (bound === 1) return 0;
    // As many leading bits as bound - 1 has, drawn again when too large: unbiased, and faster than a remainder.
    const shift = Math.clz32(bound - 1);
    let drawn = nextUint32() >>> shift;
    while (drawn >= bound) drawn = nextUint32() >>> shift;
    return drawn;
  };
  return { nextUint32, below };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash >>> 0;
}

function splitMix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}
