/** Returns a number in [0, 1) at each call. */
export type Random = () => number

/**
 * Random numbers that a seed determines: xoshiro128** by Blackman and Vigna (https://prng.di.unimi.it/), with its state filled by
 * splitmix32. A target takes a random seed, so that replicas do not choose alike; a test takes a fixed one. It is no source of secrets.
 *
 * @param seed any number; its lower 32 bits count
 */
export function seededRandom (seed: number): Random {
  let filling = seed | 0
  const fill = (): number => {
    filling = (filling + 0x9e3779b9) | 0
    return mixed(filling)
  }
  let a = fill()
  let b = fill()
  let c = fill()
  let d = fill()
  return () => {
    const turned = Math.imul(b, 5)
    const result = Math.imul((turned << 7) | (turned >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return (result >>> 0) / 2 ** 32
  }
}

/** A bijection of 32 bits in which each bit of the result depends on all bits of `bits`: the finalizer of MurmurHash3 (Appleby). */
export function mixed (bits: number): number {
  let hash = bits ^ (bits >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
