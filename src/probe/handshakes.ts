import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { CONNECT_TIMEOUT } from '../options/target-options.js'
import type { Handshakes } from './measurements.js'
import type { Subject } from './subject.js'

// In ms. A server sends the tickets of TLS 1.3 after the handshake. After this time, none is expected.
const TICKET_WAIT = 500

interface Handshake { readonly connectMs: number, readonly ms: number, readonly version: string | null, readonly resumed: boolean, readonly session: Buffer | undefined }

/**
 * Two TLS handshakes; the second one offers the session of the first. By node:tls, because a target's dials resume sessions by themselves
 * and do not say which handshake was a full one. Resolves to undefined where no handshake succeeded.
 */
export async function measureHandshakes (subject: Subject): Promise<Handshakes | undefined> {
  const full = await shakeHands(subject, undefined)
  if (full === undefined) return undefined
  const found: Handshakes = { connectMs: full.connectMs, version: full.version, fullMs: full.ms, resumedMs: undefined, resumes: undefined }
  if (full.session === undefined) return { ...found, resumes: subject.over ? undefined : false }
  const second = await shakeHands(subject, full.session)
  return second === undefined ? found : { ...found, resumedMs: second.resumed ? second.ms : undefined, resumes: second.resumed }
}

function shakeHands (subject: Subject, session: Buffer | undefined): Promise<Handshake | undefined> {
  if (subject.over) return Promise.resolve(undefined)
  const { hostname, port } = subject.url
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return new Promise(resolve => {
    let connectedAt = 0
    let ticket: Buffer | undefined
    let handshake: Omit<Handshake, 'session'> | undefined
    const done = (): void => {
      clearTimeout(deadline)
      clearTimeout(ticketDeadline)
      forget()
      socket.destroy()
      resolve(handshake === undefined ? undefined : { ...handshake, session: ticket })
    }
    let ticketDeadline: NodeJS.Timeout | undefined
    const deadline = setTimeout(done, subject.connect.timeout ?? CONNECT_TIMEOUT)
    const forget = subject.whenOver(done)
    const began = performance.now()
    const socket = connect({
      ...subject.connect,
      host,
      port: port === '' ? 443 : Number(port),
      servername: subject.connect.servername ?? (isIP(host) === 0 ? host : ''),
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session })
    })
    socket.once('connect', () => { connectedAt = performance.now() })
    socket.once('secureConnect', () => {
      const now = performance.now()
      handshake = { connectMs: connectedAt - began, ms: now - connectedAt, version: socket.getProtocol(), resumed: socket.isSessionReused() }
      clearTimeout(deadline)
      if (ticket !== undefined || session !== undefined) done()
      else ticketDeadline = setTimeout(done, TICKET_WAIT)
    })
    socket.once('session', (received: Buffer) => {
      ticket = received
      if (handshake !== undefined) done()
    })
    socket.once('error', done).once('close', done)
    // Some servers send bytes first. They are not needed.
    socket.resume()
  })
}
