import t from 'tap'
import { cases } from './cases/hop-by-hop.js'
import { prove } from './runner.js'

t.test('hop-by-hop', async t => prove(t, cases))
