import { HoldfastError } from '../errors.js'

/**
 * Registers what options say. An error of theirs says whose they are: an app has one gateway and many routes. Fastify's error for a route
 * that is there already becomes one of ours, with the remedy.
 */
export async function namingOptionsOf (whose: string, register: () => Promise<void>): Promise<void> {
  try {
    await register()
  } catch (error) {
    throw named(whose, error)
  }
}

function named (whose: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'FST_ERR_DUPLICATED_ROUTE') {
    const path = /for route '([^']*)'/.exec(message)?.[1] ?? 'this path'
    return new HoldfastError('HOLDFAST_ERR_OPTION', {
      message: `${whose}: the app has a route for ${path} already; give each route a prefix of its own, or constraints or httpMethods that tell them apart`,
      cause: error
    })
  }
  if (!(error instanceof HoldfastError) || error.code !== 'HOLDFAST_ERR_OPTION') return error
  const told = new HoldfastError('HOLDFAST_ERR_OPTION', { message: `${whose}: ${error.message}`, cause: error.cause })
  // Of the line that found it, not of this one.
  if (error.stack !== undefined) told.stack = error.stack.replace(error.message, () => told.message)
  return told
}
