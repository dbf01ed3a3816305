import { TABLE } from '../options/table.js'
import type { OptionRow } from '../options/table.js'
import { fold } from './near-name.js'

/** The rows of the table of options, by the names that spell them: MAXDIALS and POOLMAXDIALS for `pool.maxDials`. */
const ROWS = new Map(TABLE
  .filter(({ httpProxy }) => httpProxy !== 'ignored')
  .flatMap(row => spellingsOf(row.path).map(name => [name, row])))

/** The option that the name of a variable spells, in any case, with or without separators and `_MS`; undefined for any other name. */
export function optionSpelledBy (name: string): OptionRow | undefined {
  const folded = fold(name)
  return ROWS.get(folded) ?? ROWS.get(folded.replace(/MS$/, ''))
}

/** A name of one word, like TARGET or CA, is left out: route files have such variables of their own. */
function spellingsOf (path: string): readonly string[] {
  const parts = path.split('.')
  const names = parts.map((_, i) => parts.slice(i).join('_'))
  return names.filter(name => /_|[a-z][A-Z]/.test(name)).map(fold)
}
