import type { Random } from './seeded-random.js'

/**
 * Draws places by their weights in constant time, whatever their number: the alias method of Walker, with the tables made as by Vose
 * (1991). Making it takes time in proportion to the number of weights.
 */
export class WeightedDraw {
  readonly #count: number
  /** How much of each place's column is its own, from 0 to 1; undefined where all weights are equal. */
  readonly #own: Float64Array | undefined
  /** Which place has the rest of the column. */
  readonly #alias: Uint32Array | undefined

  /** @param weights each above 0 */
  constructor (weights: readonly number[]) {
    const count = this.#count = weights.length
    if (weights.every(weight => weight === weights[0])) return
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const left = weights.map(weight => weight * count / sum)
    const own = this.#own = new Float64Array(count).fill(1)
    const alias = this.#alias = new Uint32Array(count)
    const small: number[] = []
    const large: number[] = []
    for (const [place, share] of left.entries()) (share < 1 ? small : large).push(place)
    while (small.length > 0 && large.length > 0) {
      const below = small.pop()!
      const above = large.pop()!
      own[below] = left[below]!
      alias[below] = above
      left[above]! -= 1 - left[below]!
      if (left[above]! < 1) small.push(above)
      else large.push(above)
    }
  }

  /** A place from 0 up to the number of weights; -1 where there is none. */
  draw (random: Random): number {
    if (this.#count === 0) return -1
    const place = Math.floor(random() * this.#count)
    if (this.#own === undefined || random() < this.#own[place]!) return place
    return this.#alias![place]!
  }
}
