import t from 'tap'
import { NO_EVIDENCE, idleLimit, unsafeIdleLimit } from '../../src/target/idle-limit.js'

const SETTINGS = { keepAliveTimeout: 60_000, keepAliveMaxTimeout: 60_000, keepAliveTimeoutThreshold: 1_000 }

interface Row { title: string, settings?: Partial<typeof SETTINGS>, claimed?: number, learned?: number, hinted?: number, effective: number }

const ROWS: Row[] = [
  { title: 'without a hint, what the operator allows', effective: 60_000 },
  { title: 'with one, the hint less the threshold', claimed: 5_000, hinted: 4_000, effective: 4_000 },
  { title: 'a short hint loses no more than half', claimed: 1_000, hinted: 500, effective: 500 },
  { title: 'a hint of less than a second is no refusal', claimed: 0, hinted: 500, effective: 500 },
  { title: 'whatever the threshold', settings: { keepAliveTimeoutThreshold: 0 }, claimed: 0, hinted: 500, effective: 500 },
  { title: 'half and threshold meet', claimed: 2_000, hinted: 1_000, effective: 1_000 },
  { title: 'a hint above the operator\'s maximum is cut', claimed: 120_000, hinted: 119_000, effective: 60_000 },
  { title: 'a hint may be above keepAliveTimeout where the maximum allows', settings: { keepAliveMaxTimeout: 300_000 }, claimed: 120_000, hinted: 119_000, effective: 119_000 },
  { title: 'the maximum binds hints, not the default', settings: { keepAliveMaxTimeout: 2_000 }, effective: 60_000 },
  { title: 'no threshold, no deduction', settings: { keepAliveTimeoutThreshold: 0 }, claimed: 5_000, hinted: 5_000, effective: 5_000 },
  { title: 'a huge threshold leaves half', settings: { keepAliveTimeoutThreshold: 1_000_000 }, claimed: 5_000, hinted: 2_500, effective: 2_500 },
  { title: 'what was learned binds the default', learned: 700, effective: 700 },
  { title: 'what was learned binds the hint', claimed: 5_000, learned: 700, hinted: 4_000, effective: 700 },
  { title: 'what was learned never lengthens', claimed: 5_000, learned: 700_000, hinted: 4_000, effective: 4_000 }
]

t.test('configured, hinted and learned make one limit', async t => {
  for (const { title, settings, claimed, learned, hinted, effective } of ROWS) {
    t.strictSame(idleLimit({ ...SETTINGS, ...settings }, claimed, learned), { configured: 60_000, hinted, learned, effective }, title)
  }
})

t.test('a request that cannot be repeated takes half of a known limit, and a second of an unknown one', async t => {
  const unsafe = (claimed?: number, learned?: number, settings = SETTINGS): number => unsafeIdleLimit(idleLimit(settings, claimed, learned), NO_EVIDENCE, 0)
  t.equal(unsafe(), 1_000)
  t.equal(unsafe(5_000), 2_000)
  t.equal(unsafe(120_000), 30_000, 'of the effective limit, not of the hint')
  t.equal(unsafe(undefined, undefined, { ...SETTINGS, keepAliveTimeout: 300 }), 300, 'never above the limit')
})
