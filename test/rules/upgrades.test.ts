import t from 'tap'
import { cases } from './cases/upgrades.js'
import { prove } from './runner.js'

t.test('upgrades', async t => prove(t, cases))
