import { userDocuments } from './documents.js'
import type { Document } from './documents.js'

/** A fenced block of a page. `info` is what stands behind its opening fence. */
export interface Block { readonly document: string, readonly line: number, readonly info: string, readonly text: string }

/** A block as a module that can be compiled and run. */
export interface Snippet {
  /** Where it stands: page and line. */
  readonly where: string
  readonly language: 'ts' | 'js'
  /** With what a fragment finds around it. */
  readonly text: string
  /** Paths that it proxies. */
  readonly paths: readonly string[]
}

const HEAD = `import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HoldfastError, gateway, getGateway, provenanceOf, proxy } from 'holdfast'
import type { ConnectionObserver, Gateway, GatewayOptions, ProxyOptions, Target } from 'holdfast'
const app = Fastify()
`

/** What a fragment finds around it, by the words that the page has behind `ts`. */
const AROUND: Readonly<Record<string, string>> = {
  /** `app` is new: the fragment registers what it needs. */
  fragment: HEAD,
  /** `app` serves /users from http://users.internal:3000, and has served one request. */
  'fragment of a running app': `${HEAD}await app.register(gateway)
await app.register(proxy, { prefix: '/users', upstream: 'http://users.internal:3000' })
const url = await app.listen({ port: 0, host: '127.0.0.1' })
const first = await globalThis.fetch(\`\${url}/users/7\`)
if (!first.ok) throw new Error(await first.text())
`
}

/** Fenced blocks of README.md and docs/. */
export function blocks (): Block[] {
  return userDocuments().flatMap(blocksIn)
}

export function blocksIn ({ name, text }: Document): Block[] {
  return [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(({ index, 1: info, 2: content }) => {
    return { document: name, line: text.slice(0, index).split('\n').length, info: info!, text: content! }
  })
}

/** What is to be compiled and run of a block; undefined for other languages. Throws where the words behind `ts` are none of those above. */
export function snippetOf ({ document, line, info, text }: Block): Snippet | undefined {
  const [, language, words] = /^(ts|js)(?: (.+))?$/.exec(info) ?? []
  if (language === undefined) return undefined
  const where = `${document}:${line}`
  const around = words === undefined ? '' : AROUND[words]
  if (around === undefined) throw new Error(`${where}: "${words}" is no kind of snippet; ${Object.keys(AROUND).join(', ')} are`)
  const prefixes = [...text.matchAll(/prefix: '([^']*)'/g)].map(([, prefix]) => prefix === '/' ? '' : prefix)
  return { where, language: language as 'ts' | 'js', text: around + text, paths: [...new Set(prefixes)].map(prefix => `${prefix}/7`) }
}
