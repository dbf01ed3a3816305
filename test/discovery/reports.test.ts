import t from 'tap'
import { CALM, calmAt, nextReport, NOTHING_REPORTED, type SourceEvent } from '../../src/discovery/reports.js'

const fault = (message: string): SourceEvent => ({ type: 'fault', fault: { kind: 'failed', message } })
const WELL: SourceEvent = { type: 'well' }

/** What is logged of events, each at its time; 'passed' comes when it is due. */
function logged (events: readonly (readonly [now: number, event: SourceEvent])[]): string[] {
  let reported = NOTHING_REPORTED
  const log: string[] = []
  const take = (now: number, event: SourceEvent): void => {
    const next = nextReport(reported, event, now)
    reported = next.reported
    if (next.report?.type === 'fault') log.push(`${now} ${next.report.fault.message}`)
    if (next.report?.type === 'well') log.push(`${now} well after ${next.report.faults}`)
  }
  for (const [now, event] of events) {
    const due = calmAt(reported)
    if (due !== undefined && due <= now) take(due, { type: 'passed' })
    take(now, event)
  }
  return log
}

t.test('a fault is logged once, and so is its end', async t => {
  const failing = Array.from({ length: 100 }, (_, n) => [n * 1_000, fault('SERVFAIL')] as const)
  t.same(logged([[0, WELL], ...failing, [100_000, WELL], [100_000 + CALM, WELL], [500_000, WELL]]), ['0 SERVFAIL', '130000 well after 1'])
})

t.test('another fault is logged too, and none of both again in the same outage', async t => {
  const turns = Array.from({ length: 100 }, (_, n) => [n * 1_000, fault(n % 2 === 0 ? 'SERVFAIL' : 'silence')] as const)
  t.same(logged(turns), ['0 SERVFAIL', '1000 silence'])
})

t.test('a source that fails at every other question is one outage', async t => {
  const flapping = Array.from({ length: 1_000 }, (_, n) => [n * 5_000, n % 2 === 0 ? fault('SERVFAIL') : WELL] as const)
  t.same(logged(flapping), ['0 SERVFAIL'])
})

t.test('a source that makes up new messages does not fill the log', async t => {
  t.equal(logged(Array.from({ length: 1_000 }, (_, n) => [n, fault(`failure ${n}`)] as const)).length, 8)
})
