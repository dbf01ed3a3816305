import type { Case } from './case.js'
import { cases as connections } from './cases/connections.js'
import { cases as drain } from './cases/drain.js'
import { cases as hopByHop } from './cases/hop-by-hop.js'
import { cases as overload } from './cases/overload.js'
import { cases as paths } from './cases/paths.js'
import { cases as requestFraming } from './cases/request-framing.js'
import { cases as responseFraming } from './cases/response-framing.js'
import { cases as time } from './cases/time.js'
import { cases as upgrades } from './cases/upgrades.js'

/** All cases, by section of the rules. */
export const sections: ReadonlyArray<{ name: string, cases: readonly Case[] }> = [
  { name: 'request framing', cases: requestFraming },
  { name: 'hop-by-hop', cases: hopByHop },
  { name: 'response framing', cases: responseFraming },
  { name: 'connections', cases: connections },
  { name: 'time', cases: time },
  { name: 'overload', cases: overload },
  { name: 'drain', cases: drain },
  { name: 'paths', cases: paths },
  { name: 'upgrades', cases: upgrades }
]
