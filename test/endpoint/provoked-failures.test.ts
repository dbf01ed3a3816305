import t from 'tap'
import { Answers } from '../../src/endpoint/answers.js'
import { NEVER_EJECTED, nextEjection } from '../../src/endpoint/ejection.js'
import type { Ejection, EjectionSettings } from '../../src/endpoint/ejection.js'
import { exchangeEvidence } from '../../src/endpoint/evidence.js'
import type { FailedRequest } from '../../src/endpoint/evidence.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import { LOST } from './lost.js'

const SETTINGS: EjectionSettings = { failures: 5, time: 10_000, maxTime: 300_000 }
/** One endpoint, the requests of several clients, and how often it was ejected. */
class Endpoint {
  ejections = 0
  readonly #answers = new Answers()
  #ejection: Ejection = NEVER_EJECTED

  answers (client: string, now: number): void {
    this.#answers.answered(client, now)
    this.#ejection = nextEjection(this.#ejection, { type: 'answered', began: now }, now, SETTINGS, 0.5)
  }

  loses (client: string, now: number, elsewhere: FailedRequest['elsewhere']): void {
    const failure = exchangeEvidence(LOST, { client, began: now, requestWritten: true, elsewhere }, this.#answers.last)
    if (failure === undefined) return
    const others = this.#answers.toOthers(client, now)
    const next = nextEjection(this.#ejection, { type: 'failed', failure, others, mayEject: true, probe: false }, now, SETTINGS, 0.5)
    if (next.out !== undefined && this.#ejection.out === undefined) this.ejections++
    this.#ejection = next
  }
}

t.test('a client whose requests kill every connection ejects no endpoint', async t => {
  for (const elsewhere of ['unasked', 'failed'] as const) {
    const endpoint = new Endpoint()
    const random = seededRandom(1)
    // A hundred poisoned requests a second; another client is answered once in 30 s.
    for (let now = 0; now < 600_000; now += 10) {
      if (now % 30_000 === 0) endpoint.answers(`client ${Math.floor(random() * 5)}`, now)
      else endpoint.loses('the attacker', now, elsewhere)
    }
    t.equal(endpoint.ejections, 0, elsewhere === 'failed' ? 'GETs, which other endpoints lose too' : 'POSTs, which are sent once')
  }
})

t.test('nor do several clients together, while the endpoint answers another one each half second', async t => {
  const endpoint = new Endpoint()
  for (let now = 0; now < 60_000; now += 10) {
    if (now % 500 === 0) endpoint.answers('another client', now)
    else endpoint.loses(`attacker ${now % 7}`, now, 'unasked')
  }
  t.equal(endpoint.ejections, 0)
})

t.test('an endpoint that loses the requests of all its clients is ejected within a second', async t => {
  const endpoint = new Endpoint()
  for (let n = 0; n < 100; n++) endpoint.answers(`client ${n}`, n)
  for (let n = 0; n < 51; n++) endpoint.loses(`client ${n}`, 100 + 20 * n, 'unasked')
  t.equal(endpoint.ejections, 1)
})

t.test('one client is enough where other endpoints answer the same requests, or where there is no other client', async t => {
  const among = new Endpoint()
  among.answers('another client', 0)
  for (let n = 0; n < 5; n++) among.loses('the client', n, 'answered')
  t.equal(among.ejections, 1)
  const alone = new Endpoint()
  alone.answers('the client', 0)
  for (let n = 0; n < 5; n++) alone.loses('the client', n, 'unasked')
  t.equal(alone.ejections, 1)
})
