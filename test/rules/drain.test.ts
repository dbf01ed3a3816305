import t from 'tap'
import { cases } from './cases/drain.js'
import { prove } from './runner.js'

t.test('drain', async t => prove(t, cases))
