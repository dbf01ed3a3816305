import fp from 'fastify-plugin'
import { drainAtClose } from '../src/gateway/drain.js'
import type { AllGiven } from '../src/options/all-given.js'
import type { DrainOptions } from '../src/options/option-types.js'

/** Closes an app in good order, by a deadline. */
export const drain = fp<AllGiven<DrainOptions>>(async (app, options) => {
  drainAtClose(app, options)
}, { name: 'holdfast-drain', fastify: '5.x' })
