import { HoldfastError } from '../errors.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { createBalance } from './balance.js'
import { choiceSet, fitnessOf } from './choice-set.js'
import type { Fitness } from './choice-set.js'
import type { Endpoint } from './endpoint.js'
import { dialVerdict } from './refusal.js'
import { Roster } from './roster.js'

/** What a request does that has found no connection. */
export type Verdict =
  /** It dials, and dials again where that is refused. `probes`: it dials this endpoint, once. */
  | { readonly type: 'dial', readonly probes: Endpoint | undefined }
  /** It waits so many ms for a dial that is under way. */
  | { readonly type: 'join', readonly ms: number }
  | { readonly type: 'refuse', readonly error: HoldfastError }

interface ChoiceContext {
  readonly options: ResolvedTargetOptions
  readonly all: readonly Endpoint[]
  readonly clock: () => number
  readonly random: () => number
}

// A balancer in front of a backend may refuse one dial and accept the next. So dials go on for at least so long, in ms, whatever
// `connectRetry` is.
const SHORTEST_PATIENCE = 1_000

const PATIENT: Verdict = { type: 'dial', probes: undefined }

/** Which of a target's endpoints a request gets, by the policies `choice-set.ts`, `balance.ts` and `refusal.ts`. */
export class Choice {
  readonly #context: ChoiceContext
  readonly #roster = new Roster<Endpoint>()
  readonly #balance: ReturnType<typeof createBalance<Endpoint>>
  #fitness: Fitness = 'none'
  /** Whether the choice set has to be made again before it is used: a list of n endpoints does not make it n times. */
  #stale = false

  constructor (context: ChoiceContext) {
    this.#context = context
    this.#balance = createBalance(context.options.balance, this.#roster, context.random)
  }

  /** The endpoints to choose from. */
  get roster (): Roster<Endpoint> {
    if (this.#stale) this.#make()
    return this.#roster
  }

  get fitness (): Fitness {
    if (this.#stale) this.#make()
    return this.#fitness
  }

  /** Whether an endpoint that may be chosen has an idle connection. */
  get hasIdle (): boolean { return this.#roster.members.some(({ pool }) => pool.idle.size > 0) }

  /** Call this when an endpoint has changed in a way that may change the choice. */
  changed (): void {
    this.#stale = true
  }

  /** An endpoint by the policy; undefined where none has room, or there is none. */
  pick (now: number, tried: readonly Endpoint[], key: string | undefined): Endpoint | undefined {
    if (this.#stale) this.#make()
    return this.#balance.pick(now, tried, key) ?? (tried.length === 0 ? undefined : this.#pickBeyond(tried))
  }

  /** Whether an endpoint that was not tried may take a request. */
  another (tried: readonly Endpoint[]): boolean {
    if (this.fitness === 'refusing') return false
    const { members } = this.#roster
    for (let n = 0; n < members.length; n++) if (!tried.includes(members[n]!)) return true
    return this.#context.all.some(endpoint => fitnessOf(endpoint) === 'serving' && !tried.includes(endpoint))
  }

  /** What a request does that has to dial. @param only the endpoint that it may dial; undefined: any */
  verdict (only: Endpoint | undefined): Verdict {
    if (only === undefined ? this.fitness !== 'refusing' : !only.refusing) return PATIENT
    const members = only === undefined ? this.#roster.members : [only]
    const now = this.#context.clock()
    const patience = Math.max(SHORTEST_PATIENCE, this.#context.options.pool.connectRetry)
    const verdict = dialVerdict(members.map(({ health }) => health.refusal), now, patience)
    switch (verdict.type) {
      case 'dial': return PATIENT
      case 'probe': return { type: 'dial', probes: members[verdict.place] }
      case 'join': return { type: 'join', ms: Math.max(1, verdict.until - now) }
      case 'refuse': return { type: 'refuse', error: errorOf(members) }
    }
  }

  /** Why the dials of the endpoints are refused; undefined where not all of them are. */
  dialError (): HoldfastError | undefined {
    return this.fitness === 'refusing' ? errorOf(this.#roster.members) : undefined
  }

  #make (): void {
    this.#stale = false
    const { members, fitness } = choiceSet(this.#context.all)
    this.#fitness = fitness
    this.#roster.use(members, this.#context.options.slowStart)
  }

  /** For a request that all endpoints of the first priority have failed: one that serves of the next priority. */
  #pickBeyond (tried: readonly Endpoint[]): Endpoint | undefined {
    const others = this.#context.all.filter(endpoint => fitnessOf(endpoint) === 'serving' && !endpoint.full && !tried.includes(endpoint))
    const priority = others.reduce((least, { priority }) => Math.min(least, priority), Infinity)
    const first = others.filter(other => other.priority === priority)
    return first[Math.floor(this.#context.random() * first.length)]
  }
}

function errorOf (endpoints: readonly Endpoint[]): HoldfastError {
  const cause = endpoints.find(({ dialError }) => dialError !== undefined)?.dialError?.cause
  return new HoldfastError('HOLDFAST_ERR_CONNECT', cause === undefined ? {} : { cause })
}
