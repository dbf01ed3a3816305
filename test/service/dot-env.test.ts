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

t.test('a line that is not NAME=value is named by its number and first word, without its value', async t => {
  const path = join(t.testdir(), '.env')
  const lines: [string, string][] = [
    ['PORT 8080', '1 ("PORT")'], ['PORT: 8080', '1 ("PORT")'], ['UPSTREAMS: /a=http://a', '1 ("UPSTREAMS")'], ['ADMIN_TOKEN: hush\nPORT=1', '1 ("ADMIN_TOKEN")'], ['PORT=1\nHOST', '2 ("HOST")'],
    ['set PORT 1\nHOST=a', '1 ("set")'], ['{ "PORT": 1 }', '1'], ['8PORT=1', '1 ("8PORT")'],
    ['KEY="a\nb"\nPORT 8080', '3 ("PORT")'], ['=1', '1'], ['UPSTREAMS=/a=http://a,\\\n  /b=http://b', '2']
  ]
  for (const [text, place] of lines) {
    for (const end of ['', '\n', '\r\n', '\n# comment\n']) {
      writeFileSync(path, text + end)
      const message = `${path}: line ${place} is not NAME=value; write one variable on each line, and quotes around a value of several lines`
      t.throws(() => readDotEnv(path), { name: 'EnvironmentError', message }, text)
    }
  }
})

t.test('a quote that nothing closes is refused', async t => {
  const path = join(t.testdir(), '.env')
  for (const [text, number] of [['PORT=1\nADMIN_TOKEN="hush\nHOST=a\n', 2], ['ADMIN_TOKEN = \'hush', 1], ['ADMIN_TOKEN="', 1]] as const) {
    writeFileSync(path, text)
    t.throws(() => readDotEnv(path), { name: 'EnvironmentError', message: `${path}: line ${number} ("ADMIN_TOKEN") has a quote that nothing closes; close it, or leave it out` }, text)
  }
})

t.test('a name that is set twice is refused with both lines, also where its values are equal or empty', async t => {
  const path = join(t.testdir(), '.env')
  const texts = ['PORT=1\n# PORT=2\nPORT=3', 'PORT=1\r\n\r\nexport PORT = 1', 'PORT=\n\n  PORT=1\n']
  for (const text of texts) {
    writeFileSync(path, text)
    t.throws(() => readDotEnv(path), { name: 'EnvironmentError', message: `${path}: PORT is set in line 1 and in line 3; leave one of them out` }, text)
  }
  writeFileSync(path, 'KEY="\nPORT=1\n"\nPORT=2\nport=3\n')
  t.strictSame({ ...readDotEnv(path) }, { KEY: '\nPORT=1\n', PORT: '2', port: '3' }, 'a line of a value sets nothing')
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
