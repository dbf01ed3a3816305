import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { optionError } from '../errors.js'
import { searchListOf, type SearchList } from './search-list.js'

// In ms: a server that has not answered by then is asked once more. c-ares doubles the time.
const SERVER_TIMEOUT = 1_500
const TRIES = 2

/** Where names are looked for, beside the name servers. Tests give their own. */
export interface NameFiles {
  /** @default '/etc/hosts' */
  readonly hosts?: string
  /** @default '/etc/resolv.conf' */
  readonly resolvConf?: string
}

/**
 * The name servers, and the search list. They are those of resolv.conf, which may be written anew while the process runs (a laptop that
 * changes networks, a VPN): c-ares reads that file once, so it is read at each question here, and another text makes another resolver.
 */
export class NameServers {
  readonly #servers: readonly string[] | undefined
  readonly #files: Required<NameFiles>
  readonly #connect: () => Resolver
  #text: string | undefined
  #resolver: Resolver | undefined
  #searchList: SearchList = { domains: [], ndots: 1 }

  /**
   * @param servers IP addresses, with or without a port, to ask instead of those of resolv.conf
   * @param connect makes a resolver that asks the servers that resolv.conf has now
   */
  constructor (servers?: readonly string[], files: NameFiles = {}, connect = systemResolver) {
    this.#servers = servers
    this.#files = { hosts: files.hosts ?? '/etc/hosts', resolvConf: files.resolvConf ?? '/etc/resolv.conf' }
    this.#connect = connect
  }

  /** Whether the servers are other ones than those that the system asks. */
  get areOwn (): boolean { return this.#servers !== undefined }

  get hosts (): string { return textOf(this.#files.hosts) }

  get resolver (): Resolver {
    this.#read()
    return this.#resolver!
  }

  get searchList (): SearchList {
    this.#read()
    return this.#searchList
  }

  /** Ends all questions that are under way; they fail. */
  cancel (): void {
    this.#resolver?.cancel()
  }

  #read (): void {
    const text = textOf(this.#files.resolvConf)
    if (text === this.#text && this.#resolver !== undefined) return
    this.#text = text
    this.#searchList = searchListOf(text, hostname())
    if (this.#resolver !== undefined && this.areOwn) return
    this.#resolver = this.#connect()
    if (this.#servers !== undefined) this.#resolver.setServers(this.#servers)
  }
}

function systemResolver (): Resolver {
  return new Resolver({ timeout: SERVER_TIMEOUT, tries: TRIES })
}

/** Throws HOLDFAST_ERR_OPTION for what cannot be a list of name servers. */
export function checkServers (servers: unknown, option: string): void {
  const remedy = 'is no list of name servers; give IP addresses, with a port where it is not 53: [\'10.0.0.53\', \'[fd00::53]:5353\']'
  if (!Array.isArray(servers) || servers.length === 0) throw optionError(option, servers, remedy)
  for (const server of servers as unknown[]) if (!isServer(server)) throw optionError(option, server, remedy)
}

function isServer (server: unknown): boolean {
  if (typeof server !== 'string') return false
  if (isIP(server) !== 0) return true
  const [, six = '', four = '', port = ''] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(server) ?? []
  return (isIP(six) === 6 || isIP(four) === 4) && (port === '' || (Number(port) > 0 && Number(port) < 65_536))
}

function textOf (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
