import type { FastifyInstance } from 'fastify'
import { logLine, warningsFor } from '../check/warnings.js'
import type { SettingsWarning } from '../check/warnings.js'
import type { TargetOptions } from '../options/option-types.js'

export type RegistrationWarning = SettingsWarning & { readonly route: string }

const ADDITIONS = new WeakMap<FastifyInstance, (warning: RegistrationWarning) => string>()

/** Adds words to the lines of an app's warnings, like the variable that sets an option. Call it before the gateway is registered. */
export function addToWarnings (app: FastifyInstance, words: (warning: RegistrationWarning) => string): void {
  ADDITIONS.set(app, words)
}

/** Warnings about the options of an app's gateway and routes, logged when these are registered. */
export class RegistrationWarnings {
  readonly #app: FastifyInstance
  readonly #told = new Map<string, RegistrationWarning>()

  constructor (app: FastifyInstance) {
    this.#app = app
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
      const told = { ...warning, route: where }
      this.#told.set(key, told)
      const { code, message } = logLine(warning)
      this.#app.log.warn({ code, route: where }, message + (ADDITIONS.get(this.#app)?.(told) ?? ''))
    }
  }

  /** Warns of the options of a route, or of the gateway. */
  warnOf (where: string, given: TargetOptions): void {
    this.warn(where, warningsFor(given))
  }
}
