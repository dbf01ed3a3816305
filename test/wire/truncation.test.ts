import t from 'tap'
import { Dice } from '../fuzz/message.js'
import { corpus } from './corpus/all.js'
import { ordinaryResponse } from './generated.js'
import { readByOurs } from './oracles/ours.js'
import { wholeOf } from './oracles/outcome.js'
import type { Asked, End } from './oracles/outcome.js'

/** Longer responses are cut at so many places. */
const MOST_CUTS = 600
const GET: Asked = { method: 'GET' }

interface Response { readonly name: string, readonly text: string, readonly asked: Asked, readonly end: End }

const dice = new Dice(3)
const RESPONSES: readonly Response[] = [
  ...corpus.filter(({ is, either }) => typeof is !== 'string' && either !== true).map(({ name, text, asked = GET, end = 'open' }) => ({ name, text, asked, end })),
  ...Array.from({ length: 150 }, (_, i): Response => ({ name: `generated ${i}`, ...ordinaryResponse(dice) }))
]

/** The length of the response itself: it is whole with these bytes, and not with fewer. */
function lengthOf ({ text, asked }: Response): number | undefined {
  const bytes = Buffer.from(text, 'latin1')
  const outcome = readByOurs([bytes], 'open', asked)
  const message = wholeOf(outcome)
  if (message === undefined) return undefined
  return bytes.length - outcome.rest - (message.upgraded ? message.body.length - outcome.rest : 0)
}

t.test('a response with a declared end is not whole with a byte less, with a FIN or without', async t => {
  let cuts = 0
  for (const response of RESPONSES) {
    const length = lengthOf(response)
    if (length === undefined) continue
    const bytes = Buffer.from(response.text, 'latin1')
    const step = Math.max(1, Math.ceil(length / MOST_CUTS))
    for (let at = length - 1; at >= 0; at -= step) {
      for (const end of ['fin', 'open'] as const) {
        const outcome = readByOurs([bytes.subarray(0, at)], end, response.asked)
        if (wholeOf(outcome) !== undefined) t.fail(`${response.name}: ${at} bytes of ${length} look whole, ${end}`)
        if (end === 'fin' && outcome.refused === undefined) t.fail(`${response.name}: ${at} bytes of ${length} and a FIN are still waited for`)
        cuts++
      }
    }
    t.ok(wholeOf(readByOurs([bytes.subarray(0, length)], 'open', response.asked)), response.name)
  }
  t.ok(cuts > 20_000, `${cuts} cuts`)
})

t.test('a response that ends with its connection is whole after a FIN behind its head, and never without one', async t => {
  const untilEnd = RESPONSES.filter(response => lengthOf(response) === undefined)
  t.ok(untilEnd.length > 10, `${untilEnd.length} responses`)
  for (const { name, text, asked } of untilEnd) {
    const bytes = Buffer.from(text, 'latin1')
    const step = Math.max(1, Math.ceil(bytes.length / MOST_CUTS))
    for (let at = bytes.length; at >= 0; at -= step) {
      const cut = bytes.subarray(0, at)
      if (wholeOf(readByOurs([cut], 'open', asked)) !== undefined) t.fail(`${name}: ${at} bytes look whole without a FIN`)
      const byFin = wholeOf(readByOurs([cut], 'fin', asked))
      // The head of an interim response is not the final head.
      if (byFin !== undefined && !text.endsWith(byFin.body + text.slice(at))) t.fail(`${name}: ${at} bytes have another body`)
      if (byFin !== undefined && byFin.keepAlive === true) t.fail(`${name}: ${at} bytes and a FIN leave a connection`)
    }
    t.ok(wholeOf(readByOurs([bytes], 'fin', asked)), name)
  }
})

t.test('a cut response is reported with the bytes that came, and nothing more', async t => {
  const whole = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nx-a: b\r\n\r\n'
  for (let at = 0; at < whole.length; at++) {
    const { messages, started } = readByOurs([Buffer.from(whole.slice(0, at))], 'fin', GET)
    t.equal(started, at > 0)
    const body = messages[0]?.body ?? ''
    if (!'hello'.startsWith(body)) t.fail(`${at} bytes have a body of ${JSON.stringify(body)}`)
    t.same(messages[0]?.trailers ?? [], [])
  }
})
