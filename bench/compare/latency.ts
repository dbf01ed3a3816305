import { median } from '../instruments/cpu-time.js'
import { type Workload, wrkScript } from './workloads.js'
import { wrk } from '../instruments/wrk.js'

// How long answers take at half of what a gateway can do. wrk's clients pause for a random time (exponential) between an
// answer and their next request; they are so many that a slow answer hardly keeps requests back, and requests come nearly as from a
// crowd that does not know of each other.

const CLIENTS = 256

export interface Latency {
  /** Requests a second, in fact. */
  readonly rate: number
  /** In ms. */
  readonly p50: number
  readonly p99: number
}

/** @param saturated requests a second in rounds of full load */
export async function halfLoad (url: string, workload: Workload, saturated: readonly number[], seconds: number): Promise<Latency> {
  const clients = Math.max(CLIENTS, workload.clients ?? 0)
  const { requests, seconds: took, p50, p99 } = await wrk(`${url}${workload.paths[0]}`, {
    seconds,
    connections: clients,
    headers: workload.headers,
    script: wrkScript(workload, { rate: median(saturated) / 2, clients })
  })
  return { rate: requests / took, p50, p99 }
}
