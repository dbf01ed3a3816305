import t from 'tap'
import { lookUpWithoutThread } from '../../src/connection/threadless-names.js'

t.test('localhost is found without a thread, by family', async t => {
  const found = (family: number): Promise<string[]> => new Promise((resolve, reject) => {
    lookUpWithoutThread('localhost', { family, hints: 0 }, (error, addresses) => error === null ? resolve(addresses.map(({ address }) => address)) : reject(error))
  })
  t.same(await found(4), ['127.0.0.1'])
  t.ok((await found(0)).includes('127.0.0.1'))
})
