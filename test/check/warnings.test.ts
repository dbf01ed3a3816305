import t from 'tap'
import { RULES } from '../../src/check/rules.js'
import { logLine, warningsFor } from '../../src/check/warnings.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import type { TargetOptions } from '../../src/options/option-types.js'

t.test('harmful settings are warned about, defaults never', async t => {
  const codes = (options: TargetOptions): string[] => warningsFor(options).map(warning => logLine(warning).code)
  t.strictSame(codes({}), [])
  t.strictSame(codes(resolveTargetOptions({}, {})), [], 'nor a default that somebody wrote down')
  t.strictSame(codes({ undiciOptions: { keepAliveTimeout: 0 } }), ['HOLDFAST_WARN_KEEP_ALIVE_OFF'])
  t.strictSame(codes({ undiciOptions: { pipelining: 0 } }), ['HOLDFAST_WARN_KEEP_ALIVE_OFF'])
  t.strictSame(codes({ undiciOptions: { pipelining: 0, keepAliveTimeout: 0 } }), ['HOLDFAST_WARN_KEEP_ALIVE_OFF'], 'once')
  t.strictSame(codes({ undiciOptions: { connect: { rejectUnauthorized: false } } }), ['HOLDFAST_WARN_TLS_UNVERIFIED'])
  t.strictSame(codes({ undiciOptions: { keepAliveTimeout: 0, connect: { rejectUnauthorized: false } } }), ['HOLDFAST_WARN_KEEP_ALIVE_OFF', 'HOLDFAST_WARN_TLS_UNVERIFIED'])
  t.strictSame(codes({ pool: { maxRequestsPerConnection: 1 } }), ['HOLDFAST_WARN_SINGLE_USE_CONNECTIONS'])
  t.strictSame(codes({ pool: { maxRequestsPerConnection: 5, maxPending: Infinity }, inspector: false }), [], 'what may have been meant is for check to say')
})

t.test('a warning says what was set, what it causes, and what to do instead', async t => {
  for (const warning of warningsFor({ undiciOptions: { keepAliveTimeout: 0, connect: { rejectUnauthorized: false } } })) {
    const { why, remedy } = RULES.find(({ id }) => id === warning.id)!
    t.equal(logLine(warning).message, `${warning.found}. ${why} ${remedy}`)
    t.match(warning.found, /^undiciOptions\..*(?:0|false)$/)
  }
})
