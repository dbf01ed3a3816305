import t from 'tap'
import { internalsOf } from '../../src/target/target.js'
import { send } from './acts.js'
import { replicasFor, targetFor } from './rig.js'

t.test('a probing request that fails, and that another endpoint answers, lengthens the ejection', async t => {
  const replicas = await replicasFor(t, 3, place => (request, response) => {
    if (place === 0) request.socket.destroy()
    else response.end('ok')
  })
  const { target } = targetFor(t, replicas, { ejection: { failures: 2, time: 20 } })
  const [broken] = internalsOf(target).endpoints.all
  while (broken!.health.ejection.count < 3) t.equal(await send(target), 200)
  t.equal(broken!.life.state, 'ejected')
})
