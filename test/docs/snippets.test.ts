import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { startBackend } from '../../testing/backend.js'
import { EXTENSION, REPOSITORY, program } from '../../testing/program.js'
import type { Task, Told } from './snippet-process.js'
import { blocks, snippetOf } from './snippets.js'

const ROOT = join(import.meta.dirname, '../..')
// The type checker reads all sources; on a busy machine that takes many times its CPU time, in ms.
t.setTimeout(180_000)

const LANGUAGES = ['ts', 'js', 'json', 'sh', 'diff', 'promql', 'nginx', 'yaml', '']
const STRICT: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  allowJs: true,
  checkJs: true,
  skipLibCheck: true,
  noEmit: true,
  paths: { holdfast: [join(REPOSITORY, 'src/index.ts')] }
}

const all = blocks()
const snippets = all.flatMap(block => snippetOf(block) ?? [])

// In the copy that is compiled, where modules are found as by a user.
mkdirSync(join(ROOT, '.test-copies'), { recursive: true })
const folder = mkdtempSync(join(ROOT, '.test-copies', 'snippets-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

t.test('every fenced block says its language', async t => {
  for (const { document, line, info } of all) t.ok(LANGUAGES.includes(info.split(' ', 1)[0]!), `${document}:${line}: ${info}`)
  t.ok(snippets.length > 10, `${snippets.length} snippets`)
})

t.test('every JSON block is JSON', async t => {
  for (const { document, line, text } of all.filter(({ info }) => info === 'json')) t.doesNotThrow(() => JSON.parse(text), `${document}:${line}`)
})

t.test('every snippet compiles, strictly', async t => {
  const files = new Map(snippets.map(({ where, language, text }, i) => {
    const file = join(folder, `snippet-${i}.${language}`)
    writeFileSync(file, text)
    return [file, where]
  }))
  const compiled = ts.createProgram([...files.keys()], STRICT)
  for (const [file, where] of files) {
    const source = compiled.getSourceFile(file)
    const found = [...compiled.getSyntacticDiagnostics(source), ...compiled.getSemanticDiagnostics(source)]
    t.strictSame(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')), [], where)
  }
})

// What the pages name, and no machine has: each backend, and fixed ports.
t.test('every snippet runs, and what it proxies is answered', async t => {
  const origins = new Map<string, string>()
  for (const [origin] of snippets.flatMap(({ text }) => [...text.matchAll(/https?:\/\/[\w-]+\.internal(?::\d+)?/g)])) {
    if (origins.has(origin)) continue
    const backend = await startBackend((_request, connection) => {
      connection.reply({ headers: { 'content-type': 'application/json' }, body: '{"user":"ada"}' })
    })
    t.teardown(() => backend.close())
    origins.set(origin, backend.url)
  }
  const tasks: Task[] = snippets.map(({ where, text, paths }, i) => {
    let source = text.replace(/\bport: \d+/g, 'port: 0').replaceAll('from \'holdfast\'', `from '${pathToFileURL(join(ROOT, 'src', `index${EXTENSION}`)).href}'`)
    for (const [origin, url] of origins) source = source.replaceAll(origin, url)
    const file = join(folder, `run-${i}.js`)
    writeFileSync(file, ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true } }).outputText)
    return { where, file, paths }
  })
  const child = spawn(process.execPath, [...program(join(import.meta.dirname, 'snippet-process')), JSON.stringify(tasks)], {
    cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => { errors += text })
  const outcomes = new Map<string, Told['outcome']>()
  child.on('message', ({ where, outcome }: Told) => outcomes.set(where, outcome))
  const [code] = await once(child, 'close') as [number | null]
  t.equal(code, 0, errors)
  for (const { where, paths } of tasks) t.match(outcomes.get(where), { answers: paths.length, error: undefined }, where)
})
