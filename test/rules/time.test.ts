import t from 'tap'
import { cases } from './cases/time.js'
import { prove } from './runner.js'

t.test('time', async t => prove(t, cases))
