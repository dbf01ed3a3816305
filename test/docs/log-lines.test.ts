import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../../testing/program.js'

/** All sources, as one text. A message that goes on in another line is one text. */
const sources = ['src', 'plugins'].flatMap(folder => readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => readFileSync(join(REPOSITORY, folder, name), 'utf8'))).join('\n')
  .replace(/['`] \+\s*['`]/g, '').replaceAll('\\\'', '\'')

/** Whether a message is in the sources. `<name>` stands for what differs from case to case, and `...` for any text at its beginning or end. */
function isLogged (message: string): boolean {
  const parts = message.replace(/^\.\.\. |[:;]? ?\.\.\.$/g, '').split(/<[\w ]+>/)
  return new RegExp(parts.map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\$\\{(?:[^{}]|\\{[^{}]*\\})*\\}')).test(sources)
}

t.test('the reader of messages finds what is logged, and nothing else', async t => {
  t.ok(isLogged('discovery answers again'))
  t.ok(isLogged('endpoint <address> of <target> is drained'))
  t.notOk(isLogged('endpoint <address> of <target> is empty'))
})

t.test('every message in the tables of docs/operating.md is one that is logged', async t => {
  const page = readFileSync(join(REPOSITORY, 'docs/operating.md'), 'utf8')
  const logs = page.slice(page.indexOf('\n## Logs'), page.indexOf('\n## Metrics'))
  const quoted = [...logs.matchAll(/^\| (.*?) \| (?:info|warn|error)/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, text]) => text!))
  const messages = quoted.filter(text => / /.test(text) && !/^(?:<target>|\.\.\. is (?:trial|persistent))/.test(text))
  t.ok(messages.length > 10, `${messages.length} messages`)
  for (const message of messages) t.ok(isLogged(message), message)
})

t.test('every fault of discovery that docs/troubleshooting.md quotes is one that is found', async t => {
  const page = readFileSync(join(REPOSITORY, 'docs/troubleshooting.md'), 'utf8')
  const faults = [...page.matchAll(/^\| `discovery: ([^`]+)` \|/gm)].map(([, fault]) => fault!)
  t.ok(faults.length > 10, `${faults.length} faults`)
  for (const fault of faults) t.ok(isLogged(fault), fault)
})
