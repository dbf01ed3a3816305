import t from 'tap'
import { cases } from './cases/request-framing.js'
import { prove } from './runner.js'

t.test('request framing', async t => prove(t, cases))
