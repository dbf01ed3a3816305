import type { FastifyBaseLogger } from 'fastify'
import { logLine, warningsFor } from '../check/warnings.js'
import type { TargetOptions } from '../options/option-types.js'
import type { OptionWarning } from '../options/warning.js'

export type RegistrationWarning = OptionWarning & { readonly route: string }

/** Warns of what was set for an app's gateway and routes, when they are registered. */
export class RegistrationWarnings {
  readonly #log: FastifyBaseLogger
  readonly #told = new Map<string, RegistrationWarning>()

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  /** What has been warned about, once each. */
  get told (): readonly RegistrationWarning[] {
    return [...this.#told.values()]
  }

  /** Logs what somebody will regret, once each, with its code. */
  warn (where: string, warnings: readonly OptionWarning[]): void {
    for (const warning of warnings) {
      // By its words too: one code stands for each of several options that have no effect.
      const key = `${warning.id} ${where} ${warning.found}`
      if (this.#told.has(key)) continue
      this.#told.set(key, { ...warning, route: where })
      const { code, message } = logLine(warning)
      this.#log.warn({ code, route: where }, message)
    }
  }

  /** Warns of what was set for a route, or for the gateway. */
  warnOf (where: string, given: TargetOptions): void {
    this.warn(where, warningsFor(given))
  }
}
