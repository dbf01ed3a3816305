// `npm run build`: makes dist/, or the folder that is given (docs/adr/0017-one-commonjs-build.md). It checks no types: `npm run lint` does.
import { REPOSITORY } from '../testing/program.js'
import { BuildError, build } from './build-steps.js'

try {
  await build(REPOSITORY, { dist: process.argv[2] })
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
