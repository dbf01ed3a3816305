import { constants, setPriority } from 'node:os'

/**
 * Lets this process and those that it starts go before whatever else the machine does, where that is allowed: for what
 * is measured in milliseconds.
 */
export function undisturbed (): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGHEST)
  } catch {
    console.log('not allowed to run at a high priority: what else this machine does is in the figures')
  }
}
