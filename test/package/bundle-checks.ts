import { equal } from 'node:assert/strict'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Check } from './check.js'
import { CJS_APP, ESM_APP } from './loading-checks.js'
import { installed, writeFiles } from './packed.js'
import { ended } from './process.js'

// esbuild's own remedy where CommonJS modules call require in an ESM bundle.
const REQUIRE = 'import { createRequire } from \'node:module\'; const require = createRequire(import.meta.url);'

export const BUNDLE_CHECKS: readonly Check[] = [
  {
    name: 'an esbuild bundle of an app serves the admin page, with no package beside it',
    run: async tarball => {
      const app = await installed(tarball, 'bundle', { 'app.cjs': CJS_APP, 'app.mjs': ESM_APP })
      const out = join(tarball.folder, 'bundled')
      writeFiles(out, {})
      const options = { absWorkingDir: app, bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' } as const
      await build({ ...options, entryPoints: ['app.cjs'], format: 'cjs', outfile: join(out, 'cjs.cjs') })
      await build({ ...options, entryPoints: ['app.mjs'], format: 'esm', outfile: join(out, 'esm.mjs'), banner: { js: REQUIRE } })
      await build({ ...options, entryPoints: ['app.cjs'], format: 'cjs', outfile: join(out, 'small.cjs'), minify: true })
      for (const name of ['cjs.cjs', 'esm.mjs', 'small.cjs']) equal(await ended('node', [name], { cwd: out }), 'answered\n', name)
    }
  }
]
