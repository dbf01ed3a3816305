import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeReasonsAsMarkdown } from '../src/admin/close-reason-texts.js'
import { errorsAsMarkdown } from '../src/admin/error-texts.js'
import { rulesAsMarkdown } from '../src/check/rules-text.js'
import { metricsAsMarkdown } from '../src/metrics/document.js'
import { REPOSITORY } from '../testing/program.js'
import { optionsAsJsonSchema } from './options-as-json-schema.js'
import { commonOptionsAsMarkdown, optionsAsMarkdown } from './options-as-markdown.js'
import { optionsAsTypeScript } from './options-as-typescript.js'
import { rulesAsPrometheusRule } from './rules-as-prometheus-rule.js'

/** A file that is made from a table of the code: `npm run made` writes it, and a test holds it to what would be written. */
export interface MadeFile {
  /** From the root of the repository. */
  readonly path: string
  readonly text: () => string
}

export const MADE_FILES: readonly MadeFile[] = [
  { path: 'src/options/option-types.ts', text: optionsAsTypeScript },
  { path: 'holdfast.schema.json', text: optionsAsJsonSchema },
  { path: 'docs/options.md', text: optionsAsMarkdown },
  { path: 'docs/check.md', text: rulesAsMarkdown },
  { path: 'docs/close-reasons.md', text: closeReasonsAsMarkdown },
  { path: 'docs/errors.md', text: errorsAsMarkdown },
  { path: 'docs/metrics.md', text: metricsAsMarkdown },
  { path: 'deploy/kubernetes/components/monitoring/prometheus-rule.yaml', text: rulesAsPrometheusRule },
  { path: 'README.md', text: () => withPart(readFileSync(join(REPOSITORY, 'README.md'), 'utf8'), 'options', commonOptionsAsMarkdown()) }
]

/** A page with the part between its markers replaced. */
function withPart (page: string, name: string, part: string): string {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`there is no ${begin.trim()} ... ${end}`)
  return page.slice(0, from + begin.length) + part + page.slice(to)
}
