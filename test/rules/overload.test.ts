import t from 'tap'
import { cases } from './cases/overload.js'
import { prove } from './runner.js'

t.test('overload', async t => prove(t, cases))
