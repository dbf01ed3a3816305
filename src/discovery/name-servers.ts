import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
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

function textOf (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
