import t from 'tap'
import { cases } from './cases/connections.js'
import { prove } from './runner.js'

t.test('connections', async t => prove(t, cases))
