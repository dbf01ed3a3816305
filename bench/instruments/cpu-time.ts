import type { Gateway } from './gateway.js'
import { load } from './load.js'

export interface RequestCost {
  /** CPU time of the gateway's process, in us a request. */
  user: number
  system: number
  both: number
  requests: number
  errors: number
}

/** CPU time of a gateway per request at full load, measured for some seconds. */
export async function cpuPerRequest (gateway: Gateway, seconds: number): Promise<RequestCost> {
  const before = (await gateway.ask('usage')).cpu
  const { requests, errors } = await load(gateway.url, seconds)
  const after = (await gateway.ask('usage')).cpu
  const user = (after.user - before.user) / requests
  const system = (after.system - before.system) / requests
  return { user, system, both: user + system, requests, errors }
}

/** CPU time of a call in ns: the median of some rounds, garbage collection included. Other work of the machine does not count. */
export function cpuPerCall (rounds: number, calls: number, call: (n: number) => void): number {
  return median(Array.from({ length: rounds }, () => {
    const before = process.cpuUsage()
    for (let n = 0; n < calls; n++) call(n)
    const { user, system } = process.cpuUsage(before)
    return (user + system) * 1_000 / calls
  }))
}

export function median (numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
