import { APP_CAUSES } from './app-causes.js'
import { BACKEND_CAUSES } from './backend-causes.js'
import type { Cause } from './cause.js'
import { BODIES, type Cell, nameOf, PROTOCOLS } from './cell.js'
import { CLIENT_CAUSES } from './client-causes.js'
import { whyNot } from './impossible.js'

export const CAUSES: readonly Cause[] = [...BACKEND_CAUSES, ...CLIENT_CAUSES, ...APP_CAUSES]

/** Every cause at each of its steps, for each protocol and each body. */
function product (): Cell[] {
  return CAUSES.flatMap(({ name: cause, steps }) => steps.flatMap(step => PROTOCOLS.flatMap(protocol => BODIES.map(body => ({ cause, step, protocol, body })))))
}

/** The possible cells. */
export function allCells (): Cell[] {
  return product().filter(cell => whyNot(cell, causeOf(cell)) === undefined)
}

/** Counts of the impossible cells, by the reason. */
export function impossibleCells (): Map<string, number> {
  const counts = new Map<string, number>()
  for (const cell of product()) {
    const why = whyNot(cell, causeOf(cell))
    if (why !== undefined) counts.set(why, (counts.get(why) ?? 0) + 1)
  }
  return counts
}

/** One cell of each cause; protocols and bodies take turns. */
export function oneOfEachCause (): Cell[] {
  const cells = allCells()
  return CAUSES.map(({ name }, turn) => {
    const own = cells.filter(({ cause }) => cause === name)
    return own[(turn * 7) % own.length]!
  })
}

export function causeOf ({ cause }: Cell): Cause {
  const found = CAUSES.find(({ name }) => name === cause)
  if (found === undefined) throw new Error(`no cause ${cause}`)
  return found
}

/** The cells whose names contain all of the words. */
export function cellsLike (words: string): Cell[] {
  const parts = words.split('/').map(part => part.trim()).filter(part => part !== '')
  return allCells().filter(cell => {
    const name = nameOf(cell).split(' / ')
    return parts.every(part => name.includes(part)) || nameOf(cell).includes(words)
  })
}
