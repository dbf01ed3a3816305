import { readFileSync } from 'node:fs'

/** The most stolen time of a round, as a share of the busy time; beyond it the round's figures say little. */
export const MOST_STOLEN = 0.05

const STEAL = 7
/** user, nice, system, idle, iowait, irq, softirq, steal; the later columns are part of the first two. */
const FIELDS = 8

export interface MachineTime {
  readonly stolen: number
  /** All time but idle time. */
  readonly wanted: number
}

/** Ticks of the kernel so far: busy time, and the part of it that other virtual machines took on the same hardware. */
export function machineTime (): MachineTime {
  const ticks = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!.split(/ +/).slice(1, 1 + FIELDS).map(Number)
  const [, , , idle = 0, wait = 0] = ticks
  return { stolen: ticks[STEAL] ?? 0, wanted: ticks.reduce((sum, n) => sum + n, 0) - idle - wait }
}

/** The stolen share since then, from 0 to 1. A process's CPU time may include it, and each round gets a random part of it. */
export function stolenSince (before: MachineTime): number {
  const now = machineTime()
  return (now.stolen - before.stolen) / (now.wanted - before.wanted)
}
