import { type Answer, type RequestInput, request } from '../../testing/client.js'
import { type GatewaySetup, type RunningGateway, gatewayFor } from '../../testing/gateway.js'
import type { AdminOptions } from '../../src/index.js'

/** A gateway whose admin surface listens on a free port. */
export interface RunningAdmin extends RunningGateway {
  admin: { url: string, port: number }
  /** A request to the admin surface. */
  ask (path: string, input?: RequestInput): Promise<Answer & { json: unknown }>
}

export async function adminFor (t: Parameters<typeof gatewayFor>[0], setup: GatewaySetup & { admin?: Partial<AdminOptions> } = {}): Promise<RunningAdmin> {
  const running = await gatewayFor(t, { ...setup, gateway: { ...setup.gateway, admin: { port: 0, ...setup.admin } } })
  const { url } = running.gateway.admin!
  return Object.defineProperties({}, {
    ...Object.getOwnPropertyDescriptors(running),
    admin: { value: { url, port: Number(new URL(url).port) } },
    ask: {
      value: async (path: string, input: RequestInput = {}) => {
        const answer = await request(url + path, input)
        const text = answer.body.toString()
        return { ...answer, json: /^application\/json/.test(answer.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) as unknown : text }
      }
    }
  }) as RunningAdmin
}

/** A request that changes something, with a JSON body. */
export function post (body?: unknown, headers: Record<string, string> = {}): RequestInput {
  if (body === undefined) return { method: 'POST', headers }
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

/** A target's path in the API. */
export function pathOf (name: string, action = ''): string {
  return `/api/targets/${encodeURIComponent(name)}${action}`
}
