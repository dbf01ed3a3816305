import { startDnsServer } from '../../testing/dns-server.js'
import type { RecordType } from '../../testing/dns-message.js'
import { isInstalled } from '../../testing/real-servers.js'
import { startUnbound } from '../../testing/unbound.js'

/** A name server whose records change while it runs. */
export interface Names {
  /** What it is, for the figures. */
  readonly server: string
  /** `127.0.0.1:port` */
  readonly address: string
  /** Replaces the records of a name. @param ttl in s */
  set (name: string, type: RecordType, data: readonly string[], ttl: number): void
  stop (): Promise<void>
}

/** Starts unbound where it is installed, else a server of our own. */
export async function startNames (): Promise<Names> {
  if (isInstalled('unbound')) {
    const unbound = await startUnbound()
    return {
      server: 'unbound',
      address: unbound.address,
      set: (name, type, data, ttl) => {
        unbound.remove(`${name}.`)
        for (const one of data) unbound.add(`${name}. ${ttl} IN ${type} ${type === 'SRV' ? `${one}.` : one}`)
      },
      stop: () => unbound.stop()
    }
  }
  const own = await startDnsServer()
  return {
    server: 'a server of our own',
    address: own.address,
    set: (name, type, data, ttl) => own.set(name, type, data, ttl),
    stop: () => own.close()
  }
}
