import t from 'tap'
import { hoversOf } from './exported-documentation.js'
import { unexportedTypes } from './unexported-types.js'

// All others are no tags: in `@fastify/http-proxy` without backticks, TypeScript reads `@fastify` as one, and the text ends there.
const TAGS = ['defaultValue', 'param', 'returns', 'throws', 'see', 'example', 'deprecated']

t.setTimeout(120_000)
const hovers = hoversOf('src/index.ts')

t.test('the hovers are those of what the package exports, and of its members', async t => {
  const names = hovers.map(({ name }) => name)
  for (const name of ['gateway', 'ConnectionObserver.closed', 'PoolOptions.maxPending', 'TargetSnapshot.connections.idle', 'Target.snapshot', 'CloseReason']) t.ok(names.includes(name), name)
  t.match(hovers.find(({ name }) => name === 'PoolOptions.maxPending'), { text: /wait/, optional: true, type: 'number', tags: new Map([['defaultValue', /./]]) })
})

t.test('everything exported says what it is', async t => {
  t.same(hovers.filter(({ text }) => text.trim() === '').map(({ name, file }) => `${name} in ${file}`), [])
})

t.test('every type that an exported one mentions is exported too', async t => {
  t.same(unexportedTypes('src/gateway/gateway.ts'), ['ConnectionObserver in Gateway', 'Target in Gateway'], 'such types are found')
  t.same(unexportedTypes('src/index.ts'), [])
})

t.test('no text ends at an @ that is no tag', async t => {
  t.same(hovers.flatMap(({ name, tags }) => [...tags.keys()].filter(tag => !TAGS.includes(tag)).map(tag => `${name}: @${tag}`)), [])
})

t.test('an option that need not be given says its default, unless it is a group of options', async t => {
  const options = hovers.filter(({ name, optional }) => optional && /Options\.\w+$/.test(name))
  t.ok(options.length > 40, `${options.length} options`)
  t.same(options.filter(({ type, tags }) => !/Options\b/.test(type) && !tags.has('defaultValue')).map(({ name }) => name), [])
})
