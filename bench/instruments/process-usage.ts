import { readdirSync, readFileSync } from 'node:fs'

/** What a process has used so far, as the kernel counts it; without children that have ended. */
export interface ProcessUsage {
  /** CPU time of all its threads, user and system, in us. */
  readonly cpu: number
  /** The system's part of it, in us, in steps of 10 ms. */
  readonly system: number
  /** Resident memory, in bytes. */
  readonly resident: number
}

const STEPS_A_SECOND = 100
const SYSTEM_TIME = 12

/** Only Linux gives these figures. Throws ENOENT if the process has ended. */
export function usageOf (pid: number): ProcessUsage {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.reduce((sum, thread) => sum + Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]), 0)
  const [, fields = ''] = read(`/proc/${pid}/stat`).split(') ')
  const system = Number(fields.split(' ')[SYSTEM_TIME])
  const resident = Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1]) * 1024
  return { cpu: nanoseconds / 1e3, system: system / STEPS_A_SECOND * 1e6, resident }
}

function read (path: string): string {
  return readFileSync(path, 'latin1')
}
