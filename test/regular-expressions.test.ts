import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { REPOSITORY } from './support/program.js'

// Lint holds every expression of these to a time that is linear in what it is given; this holds lint to it.
const FOLDERS = ['src', 'plugins', 'routes', 'dashboard']
const BACKTRACKING = 'regexp/no-super-linear-backtracking'
const MOVE = 'regexp/no-super-linear-move'
const UNREAD = 'no-restricted-syntax'
const RULES = [BACKTRACKING, MOVE, UNREAD]
const EXPRESSIONS: [expression: string, told: string[]][] = [
  ['/^(?:a+)+$/', [BACKTRACKING]], ['/^a*a*$/', [BACKTRACKING]], ['/ +$/', [MOVE]], ['new RegExp("^" + process.argv)', [UNREAD]], ['/^(?:a+b)+$/', []]
]

interface Told { readonly filePath: string, readonly messages: readonly { readonly ruleId: string | null, readonly line: number }[] }

// In a process of its own: eslint's configuration cannot be loaded where TypeScript is loaded by tsx.
const SCRIPT = `
import { ESLint } from 'eslint'
const { texts, folders, rules } = JSON.parse(process.argv[1])
const eslint = new ESLint({ ruleFilter: ({ ruleId }) => rules.includes(ruleId) })
const found = await eslint.lintFiles(folders.map(folder => folder + '/**/*.{ts,js}'))
for (const { code, filePath } of texts) found.push(...await eslint.lintText(code, { filePath }))
process.stdout.write(JSON.stringify(found.map(({ filePath, messages }) => ({ filePath, messages }))))
`

t.test('lint refuses an expression whose time is more than linear, or that it cannot read, and the code has none', async t => {
  const texts = FOLDERS.flatMap(folder => EXPRESSIONS.map(([expression], i) => ({ code: `export const found = ${expression}\n`, filePath: `${folder}/of-a-test-${i}.${folder === 'dashboard' ? 'js' : 'ts'}` })))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', SCRIPT, JSON.stringify({ texts, folders: FOLDERS, rules: RULES })], {
    cwd: REPOSITORY, env: { PATH: process.env['PATH'] }, maxBuffer: 1e8
  })
  const told = JSON.parse(stdout) as Told[]
  const rulesOf = ({ messages }: Told): (string | null)[] => messages.map(({ ruleId }) => ruleId)
  t.ok(told.length > texts.length + 100, `${told.length} files were looked at`)
  t.strictSame(told.slice(-texts.length).map(rulesOf), FOLDERS.flatMap(() => EXPRESSIONS.map(([, rules]) => rules)))
  t.strictSame(told.slice(0, -texts.length).filter(file => rulesOf(file).length > 0).map(({ filePath }) => filePath), [])
})
