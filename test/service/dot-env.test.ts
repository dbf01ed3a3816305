import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadDotEnv, readDotEnv } from '../../src/service/dot-env.js'

t.test('a .env file has a variable on each line, and there need not be one', async t => {
  const path = join(t.testdir(), '.env')
  t.strictSame({ ...readDotEnv(path) }, {})
  writeFileSync(path, '\uFEFF# a comment\nPORT=1\n\nexport HOST = ::1\r\nKEY="a\nb 1"\nlower.case-name=\'x # y\'\nQUOTE=a"b\n')
  t.strictSame({ ...readDotEnv(path) }, { PORT: '1', HOST: '::1', KEY: 'a\nb 1', 'lower.case-name': 'x # y', QUOTE: 'a"b' })
})

t.test('a line that is not NAME=value is named without its value', async t => {
  const path = join(t.testdir(), '.env')
  const lines: [string, string][] = [
    ['PORT 8080', 'PORT'], ['PORT: 8080', 'PORT'], ['UPSTREAMS: /a=http://a', 'UPSTREAMS'], ['ADMIN_TOKEN: hush\nPORT=1', 'ADMIN_TOKEN'], ['PORT=1\nHOST', 'HOST'],
    ['set PORT 1\nHOST=a', 'set'], ['{ "PORT": 1 }', ''], ['8PORT=1', '8PORT'],
    ['KEY="a\nb"\nPORT 8080', 'PORT'], ['=1', '']
  ]
  for (const [text, word] of lines) {
    for (const end of ['', '\n', '\r\n', '\n# comment\n']) {
      writeFileSync(path, text + end)
      t.throws(() => readDotEnv(path), { name: 'EnvironmentError', message: `${path}: the line that begins with "${word}" is not NAME=value; write one variable on each line` }, text)
    }
  }
})

t.test('a quote that nothing closes is refused', async t => {
  const path = join(t.testdir(), '.env')
  for (const text of ['PORT=1\nADMIN_TOKEN="hush\nHOST=a\n', 'ADMIN_TOKEN = \'hush', 'ADMIN_TOKEN="']) {
    writeFileSync(path, text)
    t.throws(() => readDotEnv(path), { name: 'EnvironmentError', message: `${path}: the line that begins with "ADMIN_TOKEN" has a quote that nothing closes; close it, or leave it out` }, text)
  }
})

t.test('a .env file in UTF-16 is named', async t => {
  const path = join(t.testdir(), '.env')
  writeFileSync(path, '\uFEFFPORT=1\n', 'utf16le')
  t.throws(() => readDotEnv(path), { name: 'EnvironmentError', message: `${path} is no UTF-8 text; save it as UTF-8` })
})

t.test('what a .env file says is in the environment of the process, unless that says otherwise', async t => {
  const path = join(t.testdir(), '.env')
  process.env['HOLDFAST_TEST_GIVEN'] = 'process'
  t.teardown(() => { for (const name of ['HOLDFAST_TEST_GIVEN', 'HOLDFAST_TEST_NEW']) delete process.env[name] })
  writeFileSync(path, 'HOLDFAST_TEST_GIVEN=file\nHOLDFAST_TEST_NEW=file\n')
  loadDotEnv(path)
  t.equal(process.env['HOLDFAST_TEST_GIVEN'], 'process')
  t.equal(process.env['HOLDFAST_TEST_NEW'], 'file')
})
