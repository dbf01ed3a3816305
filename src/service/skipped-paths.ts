import { wrongValue } from './environment-error.js'

/** Whether the path of a URL is one whose requests are not logged at `info`. */
export type SkippedPaths = (url: string) => boolean

const NONE: SkippedPaths = () => false
const PATH = /^(?:\/[^\s?#*/]+)*\/?\*?$/

/**
 * Reads LOG_SKIP_PATHS: paths, separated by commas. A path is that of a request without its query, byte for byte; one that ends in `/*` is
 * every path below it. Throws EnvironmentError for an entry that is not possible.
 */
export function readSkippedPaths (list: string): SkippedPaths {
  if (list.trim() === '') return NONE
  const whole = new Set<string>()
  const below: string[] = []
  for (const path of list.split(',').map(entry => entry.trim())) {
    if (!path.startsWith('/') || !PATH.test(path) || /[^/]\*$/.test(path)) {
      throw wrongValue('LOG_SKIP_PATHS', path, 'is no path; give paths like /health/live, or /assets/* for all below /assets/')
    }
    if (path.endsWith('*')) below.push(path.slice(0, -1))
    else whole.add(path)
  }
  return url => {
    const question = url.indexOf('?')
    const path = question === -1 ? url : url.slice(0, question)
    return whole.has(path) || below.some(prefix => path.startsWith(prefix))
  }
}
