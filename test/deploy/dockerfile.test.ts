import dockerignore from '@balena/dockerignore'
import { validate } from 'dockerfile-utils'
import t from 'tap'
import { DOCKERFILE, stages, stepsOf } from './dockerfile.js'
import { textOf } from './repository-files.js'

const all = stages()
const image = all.at(-1)!
const commandOf = (keyword: string): readonly string[] => {
  const [step, ...more] = stepsOf(image, keyword)
  t.same([step?.exec, more.length], [true, 0], `${keyword} is given once, and needs no shell`)
  return step!.words
}

t.test('the Dockerfile has no fault that a linter finds', async t => {
  t.equal(validate('FROM a\nRUNN b\n').length, 1, 'a wrong one is found')
  t.same(validate(textOf(DOCKERFILE)).map(({ message }) => message), [])
})

t.test('each base image names its version', async t => {
  for (const { image } of all) t.match(image, /^[\w./-]+:(?!latest$)[\w.-]+$/)
  t.same(all.map(({ image }) => /node(?:js)?:?(\d+)/.exec(image)?.[1]), ['24', '24', '24'], 'the image runs the version of Node that it is built with')
})

t.test('the image has no shell, is not root, and runs no npm', async t => {
  t.match(image.image, /^gcr\.io\/distroless\/.*:nonroot$/)
  t.same(stepsOf(image, 'RUN'), [])
  t.match(stepsOf(image, 'USER').at(-1)!.words[0]!, /^[1-9]\d*:[1-9]\d*$/)
  t.same([...commandOf('ENTRYPOINT'), ...commandOf('CMD')], ['/nodejs/bin/node', 'dist/src/server.js'])
  t.same(commandOf('HEALTHCHECK'), ['/nodejs/bin/node', 'deploy/health-check.mjs'])
  t.same(stepsOf(image, 'STOPSIGNAL')[0]!.words, ['SIGTERM'])
})

t.test('the image says which version it has', async t => {
  const { version } = JSON.parse(textOf('package.json')) as { version: string }
  t.same(stepsOf(image, 'ARG')[0]!.words, [`VERSION=${version}`])
  t.match(stepsOf(image, 'LABEL')[0]!.values, { 'org.opencontainers.image.title': 'Holdfast', 'org.opencontainers.image.licenses': 'MIT' })
})

t.test('no secret and no file of a development machine gets into the build', async t => {
  const kept = dockerignore.default().add(textOf('.dockerignore'))
  for (const path of ['.env', '.env.local', 'deploy/secrets/admin-token', 'deploy/.env', '.git/config', 'node_modules/x/index.js', 'dist/src/server.js', 'test/suite.ts', 'npm-debug.log', 'examples/node_modules/x.js']) {
    t.ok(kept.ignores(path), path)
  }
  for (const path of ['package.json', 'package-lock.json', 'tsconfig.json', 'src/server.ts', 'plugins/gateway.ts', 'routes/health.ts', 'dashboard/index.html', 'scripts/build.ts', 'testing/program.ts', 'deploy/health-check.mjs']) {
    t.notOk(kept.ignores(path), path)
  }
  t.match(textOf('deploy/.gitignore'), /^secrets\/$/m)
})
