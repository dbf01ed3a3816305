import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../../testing/program.js'

/** All sources, as one text. */
function sources (): string {
  return ['src', 'plugins'].flatMap(folder => readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => readFileSync(join(REPOSITORY, folder, name), 'utf8'))).join('\n')
}

/** Matches the source of a message, in which each `<word>` is an expression. */
function patternOf (message: string): RegExp {
  return new RegExp(message.split(/<\w+>/).map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\$\\{[^}]+\\}'))
}

t.test('every message in the tables of docs/operating.md is one that is logged', async t => {
  const page = readFileSync(join(REPOSITORY, 'docs/operating.md'), 'utf8')
  const logs = page.slice(page.indexOf('\n## Logs'), page.indexOf('\n## Metrics'))
  const quoted = [...logs.matchAll(/^\| (.*?) \| (?:info|warn|error)/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, text]) => text!))
  const messages = quoted.filter(text => / /.test(text) && !/^(?:<target>|\.\.\. is (?:trial|persistent))/.test(text))
  t.ok(messages.length > 10, `${messages.length} messages`)
  const text = sources().replaceAll('\\\'', '\'')
  for (const message of messages) t.ok(patternOf(message.replace(/^\.\.\. /, '')).test(text), message)
})
