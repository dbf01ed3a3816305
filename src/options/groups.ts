import { OBJECT } from './kinds.js'
import { GROUPS, nameOf, rowsOf } from './table.js'
import type { OptionRow } from './table.js'
import { givenNames, refuseUnknown } from './unknown-names.js'

type Values = Readonly<Record<string, unknown>>

/** Throws HOLDFAST_ERR_OPTION for the first option of these rows whose value cannot be; `undefined` means not given. */
export function checkRows (given: object, rows: readonly OptionRow[]): void {
  for (const { path, kind, required } of rows) {
    const value = (given as Values)[nameOf(path)]
    if (value !== undefined || required === true) kind.check?.(value, path)
  }
}

/** Throws HOLDFAST_ERR_OPTION for a group that is no object, for an unknown name in it, and for the first value that cannot be. */
export function checkGroup (given: unknown, path: string): void {
  if (given === undefined || (given === false && GROUPS.find(group => group.path === path)?.orFalse === true)) return
  OBJECT.check!(given, path)
  const rows = rowsOf(path)
  refuseUnknown(given as object, rows.map(row => nameOf(row.path)), `${path}.`)
  checkRows(given as object, rows)
}

/** Options over options, one level deep: the last that gives a name decides. `undefined` means not given. */
export function merged<T extends object> (...layers: (T | undefined)[]): T {
  const result: Record<string, unknown> = {}
  for (const layer of layers) {
    if (layer === undefined) continue
    for (const name of givenNames(layer)) result[name] = (layer as Values)[name]
  }
  return result as T
}
