import t from 'tap'
import { Dice } from '../fuzz/message.js'
import { show } from '../fuzz/minimise.js'
import { judge } from './differential.js'
import { messageBy } from './message.js'
import { H11 } from './oracles/h11.js'
import { nodeClient } from './oracles/node-http.js'
import { undiciClient } from './oracles/undici.js'

const MESSAGES = 1_500
const AT_ONCE = 50

t.test('a whole response to our parser is the same to other clients, or is listed with its reason', async t => {
  const h11 = H11.start()
  if (h11 === undefined) t.comment('without h11: python3-h11 is not installed')
  t.teardown(() => h11?.close())
  const oracles = [undiciClient, nodeClient, ...h11 === undefined ? [] : [h11]]
  const dice = new Dice(7)
  const wrong: string[] = []
  let whole = 0
  for (let done = 0; done < MESSAGES; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      const message = messageBy(dice)
      const verdict = await judge(message, oracles)
      if (verdict.ours === 'whole') whole++
      if (verdict.wrong.length > 0) wrong.push(`${verdict.wrong.join('; ')}: ${message.asked.method}, ${message.end}, ${message.pieces.map(show).join(' ').slice(0, 600)}`)
    }))
  }
  t.same(wrong.slice(0, 5), [])
  t.ok(whole > MESSAGES / 3, `${whole} were whole`)
})
