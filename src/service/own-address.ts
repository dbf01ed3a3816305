import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { isWildcard } from '../admin/admin-options.js'
import { bareHost } from '../http/bare-host.js'
import { urlPort } from '../http/url-port.js'
import { wrongValue } from './environment-error.js'
import type { UpstreamEntry } from './upstream-entry.js'
import { backendUrls } from './upstream-list.js'

/** Where this process listens, and the variable that says so. */
export interface Listener { readonly host: string, readonly port: number, readonly variable: 'PORT' | 'ADMIN_PORT' }

/** The names and addresses of this machine. */
export interface Machine { readonly name: string, readonly addresses: readonly string[] }

const LOOPBACK = ['127.0.0.1', '::1']
const OWN: Record<Listener['variable'], string> = { PORT: 'the gateway itself', ADMIN_PORT: 'the gateway\'s own admin surface' }

/** Throws EnvironmentError for an upstream that is a listener of this process: its requests would come back to it. */
export function refuseOwnAddress (upstreams: readonly UpstreamEntry[], listeners: readonly Listener[], machine = thisMachine()): void {
  for (const { entry, url } of upstreams.flatMap(entry => backendUrls(entry).map(url => ({ entry, url })))) {
    const port = urlPort(url)
    const found = listeners.find(listener => listener.port === port && reaches(hostOf(url), listener.host, machine))
    if (found === undefined) continue
    const { variable, host } = found
    const { prefix, upstream } = entry
    const why = `is ${OWN[variable]}, which listens on ${host} with ${variable}=${port}`
    const shown = `${prefix}=${typeof upstream === 'string' ? upstream : url.origin}`
    throw wrongValue('UPSTREAMS', shown, `${why}; give the backend's address, or another ${variable}`)
  }
}

/** Whether a connection to `host` comes to a server that listens on `listening`. Names are compared, and not resolved. */
export function reaches (host: string, listening: string, machine: Machine): boolean {
  const here = addressesOf(listening, machine)
  return addressesOf(host, machine).some(address => here.includes(address) || here.some(own => covers(own, address, machine)))
}

function covers (listening: string, address: string, { addresses }: Machine): boolean {
  if (!isWildcard(listening)) return false
  const version = isIP(address)
  // With ::, a server takes IPv4 too.
  if (version === 0 || (version === 6 && listening === '0.0.0.0')) return false
  return isLoopback(address) || addresses.includes(address)
}

function isLoopback (address: string): boolean {
  return address === '::1' || /^127\.(?:\d+\.){2}\d+$/.test(address)
}

/** What a host stands for. To connect to 0.0.0.0 or :: is to connect to this machine. */
function addressesOf (host: string, { name, addresses }: Machine): readonly string[] {
  const plain = isIP(host) === 6 ? hostOf(new URL(`http://[${host}]`)) : host.toLowerCase().replace(/\.$/, '')
  if (plain === 'localhost' || plain.endsWith('.localhost')) return LOOPBACK
  if (plain === '0.0.0.0') return ['0.0.0.0', '127.0.0.1']
  if (plain === '::') return ['::', ...LOOPBACK]
  // A machine's name stands for the addresses by which others reach it: a server on a loopback address is none of these.
  return plain === name.toLowerCase() ? [plain, ...addresses.filter(address => !isLoopback(address))] : [plain]
}

function hostOf (url: URL): string {
  const address = bareHost(url)
  // The URL parser writes ::ffff:127.0.0.1 so.
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(address) ?? []
  if (high === undefined || low === undefined) return address
  return [high, low].map(group => parseInt(group, 16)).flatMap(value => [value >> 8, value & 255]).join('.')
}

function thisMachine (): Machine {
  return { name: hostname(), addresses: Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)) }
}
