import { allDown } from './all-down.js'
import { churn } from './churn.js'
import { dnsOutage } from './dns-outage.js'
import { errors } from './errors.js'
import { even } from './even.js'
import { blackHole, frozen } from './frozen.js'
import { hash } from './hash.js'
import { idleRaces } from './idle-races.js'
import { killed } from './killed.js'
import { kubernetes } from './kubernetes.js'
import { limits } from './limits.js'
import { many } from './many.js'
import { movingName } from './moving-name.js'
import { partialAnswers } from './partial-answers.js'
import { processes } from './processes.js'
import { resetting } from './resetting.js'
import { restarted } from './restarted.js'
import { rolling } from './rolling.js'
import { runScenario, type Scenario } from './scenario.js'
import { slow } from './slow.js'
import { srv } from './srv.js'
import { sticky } from './sticky.js'

// Targets with many endpoints: how requests are shared, and what clients get while endpoints fail, move, come and go.

const SCENARIOS: readonly Scenario[] = [
  even, slow, hash, sticky, killed, restarted, resetting, limits, frozen, blackHole, errors, idleRaces, allDown, rolling,
  movingName, dnsOutage, partialAnswers, srv, kubernetes, churn, many
]

const asked = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const unknown = asked.filter(name => name !== 'all' && !SCENARIOS.some(scenario => scenario.name === name))
if (asked.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no such scenario: ${unknown.join(', ')}`)
  console.error(`npm run bench:endpoints -- all, or some of: ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
processes()
const broken: string[] = []
for (const scenario of SCENARIOS) {
  if (!asked.includes('all') && !asked.includes(scenario.name)) continue
  const holds = await runScenario(scenario).catch((error: unknown) => {
    // The other scenarios still run.
    console.log(`\n${scenario.name}: FAILED: ${error instanceof Error ? error.stack : String(error)}`)
    process.exitCode = 1
    return false
  })
  if (!holds) broken.push(scenario.name)
}
if (asked.includes('all')) console.log(broken.length === 0 ? '\nall scenarios hold their bounds' : `\nbroken: ${broken.join(', ')}`)
