// What src/quirks/env-schema.ts relies on of env-schema, asked of it alone.
import { envSchema } from 'env-schema'
import type { EnvSchemaOpt } from 'env-schema'
import t from 'tap'

type Ajv = NonNullable<EnvSchemaOpt['ajv']>

const SCHEMA = {
  type: 'object',
  properties: { PORT: { type: 'integer', nullable: true, maximum: 10 }, NAME: { type: 'string', enum: ['a', 'b'] } }
}

function read (data: Record<string, string>, ajv?: object): Record<string, unknown> {
  return envSchema({ schema: SCHEMA, env: false, data, ajv: ajv as Ajv })
}

t.test('what it throws has the errors of Ajv, each with the path of its variable', async t => {
  for (const [data, path] of [[{ PORT: 'x' }, '/PORT'], [{ PORT: '11' }, '/PORT'], [{ NAME: 'c' }, '/NAME']] as const) {
    t.throws(() => read(data), { errors: [{ instancePath: path }] })
  }
})

t.test('verbose, as an object of options, has an error tell the value', async t => {
  t.throws(() => read({ PORT: '11' }, { customOptions: { verbose: true } }), { errors: [{ instancePath: '/PORT', data: 11 }] })
  t.throws(() => read({ PORT: 'x' }, { customOptions: { verbose: true } }), { errors: [{ instancePath: '/PORT', data: 'x' }] })
})

t.test('options of Ajv leave its own as they are: types are coerced, and an empty text is none', async t => {
  t.same(read({ PORT: '5', NAME: 'a', MORE: 'x' }, { customOptions: { verbose: true } }), { PORT: 5, NAME: 'a' })
  t.same(read({ PORT: '' }, { customOptions: { verbose: true } }), { PORT: null })
})

t.test('a file that cannot be read is an error without any', async t => {
  t.throws(() => envSchema({ schema: SCHEMA, env: false, dotenv: { path: import.meta.dirname } }), { code: 'EISDIR', errors: undefined })
})
