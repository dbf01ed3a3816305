import { median } from '../instruments/cpu-time.js'
import { type Workload, wrkScript } from './workloads.js'
import { wrk } from '../instruments/wrk.js'

// Latency at half of a gateway's saturation. Each client of wrk pauses for an exponential time between an answer and its next request.
// There are so many clients that a slow answer hardly delays other requests: arrivals are nearly a Poisson process.

const CLIENTS = 256

export interface Latency {
  /** Requests a second that were reached. */
  readonly rate: number
  /** In ms. */
  readonly p50: number
  readonly p99: number
}

/** @param saturated requests a second at full load */
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
