import t from 'tap'
import { cases } from './cases/response-framing.js'
import { prove } from './runner.js'

t.test('response framing', async t => prove(t, cases))
