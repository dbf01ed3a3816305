import type { FastifyBaseLogger } from 'fastify'
import { logLine, warningsFor } from '../check/warnings.js'
import type { SettingsWarning } from '../check/warnings.js'
import type { TargetOptions } from '../options/option-types.js'

export type RegistrationWarning = SettingsWarning & { readonly route: string }

/** Warnings about the options of an app's gateway and routes, logged when these are registered. */
export class RegistrationWarnings {
  readonly #log: FastifyBaseLogger
  readonly #told = new Map<string, RegistrationWarning>()

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  /** All warnings so far. */
  get told (): readonly RegistrationWarning[] {
    return [...this.#told.values()]
  }

  /** Logs each warning once, with its code. */
  warn (where: string, warnings: readonly SettingsWarning[]): void {
    for (const warning of warnings) {
      // The text is part of the key: several options without effect have one id.
      const key = `${warning.id} ${where} ${warning.found}`
      if (this.#told.has(key)) continue
      this.#told.set(key, { ...warning, route: where })
      const { code, message } = logLine(warning)
      this.#log.warn({ code, route: where }, message)
    }
  }

  /** Warns of the options of a route, or of the gateway. */
  warnOf (where: string, given: TargetOptions): void {
    this.warn(where, warningsFor(given))
  }
}
