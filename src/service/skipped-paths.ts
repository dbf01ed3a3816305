import { wrongValue } from './environment-error.js'

/** Whether a URL has a path whose requests are not logged at `info`. */
export type SkippedPaths = (url: string) => boolean

const PATH = /^\/[^\s?#*]*(?:(?<=\/)\*)?$/

/** Reads the paths of LOG_SKIP_PATHS. Throws EnvironmentError for the first one that is not possible. */
export function readSkippedPaths (list: string): readonly string[] {
  if (list.trim() === '') return Object.freeze([])
  const paths = list.split(',').map(path => path.trim())
  for (const path of paths) {
    if (!PATH.test(path)) {
      throw wrongValue('LOG_SKIP_PATHS', path, 'is no path; give paths like /health/live, or /assets/* for all below /assets/')
    }
  }
  return Object.freeze(paths)
}

/**
 * The test for skipped paths.
 *
 * @param paths each is the path of a request, without its query, byte for byte; one that ends in `/*` is every path below it
 */
export function skippedPaths (paths: readonly string[]): SkippedPaths {
  const whole = new Set(paths.filter(path => !path.endsWith('*')))
  const below = paths.filter(path => path.endsWith('*')).map(path => path.slice(0, -1))
  return url => {
    if (paths.length === 0) return false
    const question = url.indexOf('?')
    const path = question === -1 ? url : url.slice(0, question)
    return whole.has(path) || below.some(prefix => path.startsWith(prefix))
  }
}
