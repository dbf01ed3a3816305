import type { OptionRow } from '../options/table.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import { isNear, isNearInFile } from './near-name.js'
import { optionSpelledBy } from './option-names.js'

/** A variable that is most likely a misspelling, and the one that is meant; or the option that it spells, which has no variable. */
export interface Typo { readonly name: string, readonly meant: string | OptionRow }

type Variables = Readonly<NodeJS.Dict<string>>

const PREFIX = /^HOLDFAST_/i
// What Kubernetes sets for each Service, and Docker for a link: a Service may have the name of the gateway, or one like ours.
const NAME_OF_A_SERVICE = /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/
/** The value of a variable like USERS_PORT, which Kubernetes sets for the Service `users`. */
export const OF_A_SERVICE = /^(?:tcp|udp|sctp):\/\//

/**
 * The first variable of the process that is near one of `known`. Other programs have variables in the same environment, so a name has to be
 * near. An empty value counts as not set.
 */
export function typoInProcess (variables: Variables, known: readonly string[], ignored: ReadonlySet<string>): Typo | undefined {
  return firstOf(variables, known, ignored, (name, value) => {
    if (NAME_OF_A_SERVICE.test(name) || OF_A_SERVICE.test(value)) return undefined
    const own = name.replace(PREFIX, '')
    return known.find(candidate => isNear(own, candidate) || (own !== name && own === candidate))
  })
}

/**
 * The first variable of a .env file that is near one of `known`, or spells an option. Its lines are meant for this program, so less is
 * enough.
 */
export function typoInFile (variables: Variables, known: readonly string[], ignored: ReadonlySet<string>): Typo | undefined {
  return firstOf(variables, known, ignored, name => {
    const own = name.replace(PREFIX, '')
    const near = known.find(candidate => isNear(own, candidate) || (own !== name && own === candidate))
    if (near !== undefined) return near
    // Before the wider measure: KEEP_ALIVE_MAX_TIMEOUT_MS is near KEEP_ALIVE_TIMEOUT_MS by that.
    const option = optionSpelledBy(own)
    return option === undefined ? known.find(candidate => isNearInFile(own, candidate)) : option.variable ?? option
  })
}

/**
 * Throws EnvironmentError for the first variable that is most likely misspelled. The message has no value: it may be a secret.
 *
 * @param ignored names that are not judged, separated by commas
 */
export function refuseTypos (
  variables: Variables, { file, path }: { readonly file: Variables, readonly path: string }, known: readonly string[], ignored = ''
): void {
  const names = new Set(ignored.split(',').map(name => name.trim()))
  const own = known.find(name => names.has(name))
  if (own !== undefined) throw wrongValue('IGNORED_VARIABLES', own, 'is a variable of the gateway, and is read; leave it out')
  const inFile = typoInFile(file, known, names)
  if (inFile !== undefined) throw typoError(inFile, ` (in ${path})`)
  const inProcess = typoInProcess(variables, known, names)
  if (inProcess !== undefined) throw typoError(inProcess, '')
}

function typoError ({ name, meant }: Typo, where: string): EnvironmentError {
  const what = typeof meant === 'string' ? `did you mean ${meant}?` : `it is the option ${meant.path} of docs/options.md, which ${setterOf(meant)}.`
  return new EnvironmentError(
    `${name}${where}: is no variable of the gateway; ${what} If it is for another program, set IGNORED_VARIABLES=${name}`
  )
}

function setterOf ({ place }: OptionRow): string {
  return place === 'gateway' ? 'only an app of your own can set' : 'a file in routes/ sets'
}

function firstOf (
  variables: Variables, known: readonly string[], ignored: ReadonlySet<string>,
  meant: (name: string, value: string) => Typo['meant'] | undefined
): Typo | undefined {
  for (const [name, value] of Object.entries(variables)) {
    if (!value || known.includes(name) || ignored.has(name)) continue
    const right = meant(name, value)
    if (right !== undefined) return { name, meant: right }
  }
  return undefined
}
