const TOKEN = 'holdfast-admin-token'

/** A failed request to the admin API. `status` is 0 where there was no response. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor (status, message) {
    super(message)
    this.status = status
  }
}

/** @param {string | undefined} token kept until the tab is closed */
export function keepToken (token) {
  if (token === undefined) sessionStorage.removeItem(TOKEN)
  else sessionStorage.setItem(TOKEN, token)
}

/**
 * @param {string} path under api/
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} with a status below 400
 */
export async function ask (path, init = {}) {
  const token = sessionStorage.getItem(TOKEN)
  /** @type {Record<string, string>} */
  const headers = token === null ? {} : { authorization: `Bearer ${token}` }
  let response
  try {
    response = await fetch(`api/${path}`, { ...init, headers, cache: 'no-store' })
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw new ApiError(0, 'the gateway does not answer')
  }
  if (response.ok) return response
  throw new ApiError(response.status, await messageOf(response))
}

/** @param {string} name a target's name */
export function pathOf (name) {
  return `targets/${encodeURIComponent(name)}`
}

/** @param {Response} response */
async function messageOf (response) {
  try {
    const { message } = await response.json()
    if (typeof message === 'string') return message
  } catch {
    // The gateway answers in JSON. A body that is not JSON comes from something between, so only its status is shown.
  }
  return `the gateway answered ${response.status}`
}
