import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { REPOSITORY } from '../testing/program.js'

// `npm run lint` refuses regular expressions whose time is not linear in their input. This tests that lint does so.
const FOLDERS = ['src', 'src/http', 'plugins', 'routes', 'dashboard']
const BACKTRACKING = 'regexp/no-super-linear-backtracking'
const MOVE = 'regexp/no-super-linear-move'
const UNREAD = 'no-restricted-syntax'
const RULES = [BACKTRACKING, MOVE, UNREAD]
const EXPRESSIONS: [expression: string, told: string[]][] = [
  ['/^(?:a+)+$/', [BACKTRACKING]], ['/^a*a*$/', [BACKTRACKING]], ['/ +$/', [MOVE]], ['new RegExp("^" + process.argv)', [UNREAD]], ['RegExp(process.argv[0])', [UNREAD]], ['/^(?:a+b)+$/', []]
]

// In a process of its own, since eslint's configuration cannot be loaded in a process with tsx.
const SCRIPT = `
import { ESLint } from 'eslint'
const { texts, rules } = JSON.parse(process.argv[1])
const eslint = new ESLint({ ruleFilter: ({ ruleId }) => rules.includes(ruleId) })
const told = []
for (const { code, filePath } of texts) {
  for (const { messages } of await eslint.lintText(code, { filePath })) told.push(messages.map(({ ruleId }) => ruleId))
}
process.stdout.write(JSON.stringify(told))
`

t.test('lint refuses an expression whose time is more than linear, or that it cannot read', async t => {
  const texts = FOLDERS.flatMap(folder => EXPRESSIONS.map(([expression]) => ({ code: `export const found = ${expression}\n`, filePath: `${folder}/of-a-test.${folder === 'dashboard' ? 'js' : 'ts'}` })))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', SCRIPT, JSON.stringify({ texts, rules: RULES })], { cwd: REPOSITORY, env: { PATH: process.env['PATH'] } })
  t.strictSame(JSON.parse(stdout), FOLDERS.flatMap(() => EXPRESSIONS.map(([, rules]) => rules)))
})
