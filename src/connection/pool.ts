import type { ActiveSet } from './active-set.js'
import type { Dialer } from './dial.js'
import type { Dials } from './dials.js'
import type { IdleStack } from './idle-stack.js'
import type { PoolHost } from './pool-host.js'
import type { Room } from './room.js'
import { Upgraded } from './upgraded.js'

interface Parts {
  readonly idle: IdleStack
  readonly active: ActiveSet
  readonly dials: Dials
  readonly room: Room
}

/**
 * The connections to one endpoint, by what they do. `Pools` has the pools of a target, and the queue that they share; it moves connections
 * from one set to another.
 */
export class Pool {
  readonly host: PoolHost
  readonly idle: IdleStack
  readonly active: ActiveSet
  readonly dials: Dials
  readonly room: Room
  readonly upgraded = new Upgraded()

  constructor (host: PoolHost, { idle, active, dials, room }: Parts) {
    this.host = host
    this.idle = idle
    this.active = active
    this.dials = dials
    this.room = room
  }

  /** Connections, dials and tunnels, of all kinds. */
  get size (): number { return this.room.taken + this.upgraded.size }
  /** Whether a request would have to wait for a place: nothing is idle, and no dial may begin. */
  get full (): boolean { return this.idle.size === 0 && !this.room.dialable }

  /** Uses another dialer from now on. */
  dialBy (dialer: Dialer): void {
    this.dials.use(dialer)
  }

  /** Ends its timers. Call it when the pool is empty, and takes no more work. */
  stop (): void {
    this.idle.stop()
    this.active.stop()
  }
}
