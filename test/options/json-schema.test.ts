import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { resolveGatewayOptions } from '../../src/options/gateway-options.js'
import { TABLE } from '../../src/options/table.js'
import { REPOSITORY } from '../../testing/program.js'

const schema = JSON.parse(readFileSync(join(REPOSITORY, 'holdfast.schema.json'), 'utf8')) as object
const valid = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema)

/** What is tried for each option: values that JSON can hold. `null` stands for `Infinity`. */
const VALUES: unknown[] = [null, -1, 0, 1, 4, 1.5, 70_000, 2_147_483_648, true, false, '', 'text', '/path', '127.0.0.1', [], ['text'], {}]
// Their values are checked with others, or by what they are given to.
const NOT_ALONE = ['metrics.path', 'admin.port', 'admin.host', 'admin.token', 'admin.allowedHosts', 'admin.required', 'undiciOptions.connect.ca', 'undiciOptions.connect.cert', 'undiciOptions.connect.key',
  'undiciOptions.connect.keepAliveInitialDelay', 'undiciOptions.localAddress', 'undiciOptions.connect']

function nested (path: string, value: unknown): Record<string, unknown> {
  return path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Record<string, unknown>
}

function isTaken (options: object): boolean {
  try {
    resolveGatewayOptions(options)
    return true
  } catch {
    return false
  }
}

t.test('the schema accepts for a gateway what the gateway accepts, and nothing else', async t => {
  for (const { path, place, kind } of TABLE) {
    if (place === 'route' || kind.schema === undefined || NOT_ALONE.includes(path)) continue
    for (const value of VALUES) {
      const taken = isTaken(nested(path, value === null ? Infinity : value))
      t.equal(valid({ gateway: nested(path, value) }), taken, `${path}: ${JSON.stringify(value)}`)
    }
  }
})

t.test('it refuses unknown names, and an admin surface without a port', async t => {
  for (const gateway of [{ unknown: 1 }, { pool: { maxDial: 1 } }, { admin: {} }, { metrics: {} }, { upstream: 'http://a' }]) t.notOk(valid({ gateway }), JSON.stringify(gateway))
  t.notOk(valid({ routes: [{ health: true }] }))
})

t.test('a gateway and its routes are accepted as JSON', async t => {
  const gateway = { undiciOptions: { connections: null, connect: { timeout: 1_000, ciphers: 'x' } }, inspector: false, pressure: false, admin: { port: 0, token: '0123456789abcdef' }, drain: { deadline: 5_000 } }
  t.ok(valid({ gateway, routes: [{ prefix: '/users', upstream: 'http://users:3000', pool: { minIdle: 4 }, httpMethods: ['GET'] }] }), JSON.stringify(valid.errors))
})
