import t from 'tap'
import { cases } from './cases/paths.js'
import { prove } from './runner.js'

t.test('paths', async t => prove(t, cases))
