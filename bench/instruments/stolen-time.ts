import { readFileSync } from 'node:fs'

/** Of a round, with more of which its figures say little. */
export const MOST_STOLEN = 0.05

const STEAL = 7
/** user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in the first two already. */
const FIELDS = 8

export interface MachineTime {
  readonly stolen: number
  /** Without what lay idle. */
  readonly wanted: number
}

/** So far, in ticks of the kernel: what of the time in which something wanted to run others had on the same hardware. */
export function machineTime (): MachineTime {
  const ticks = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!.split(/ +/).slice(1, 1 + FIELDS).map(Number)
  const [, , , idle = 0, wait = 0] = ticks
  return { stolen: ticks[STEAL] ?? 0, wanted: ticks.reduce((sum, n) => sum + n, 0) - idle - wait }
}

/** Between 0 and 1. A process's CPU time may have it in, and what each round has of it is chance. */
export function stolenSince (before: MachineTime): number {
  const now = machineTime()
  return (now.stolen - before.stolen) / (now.wanted - before.wanted)
}
