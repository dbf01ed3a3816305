import type { TcpNetConnectOpts } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { buildConnector } from 'undici'

type OfTheTarget = 'host' | 'port' | 'path' | 'socket' | 'ALPNProtocols' | 'timeout'

/** Options of `tls.connect` and `net.connect` that a target's connections can be made with. Source: Node's documentation of both. */
export interface NodeConnectOptions
  extends Omit<ConnectionOptions, OfTheTarget>, Partial<Pick<TcpNetConnectOpts, 'family' | 'keepAlive' | 'autoSelectFamily'>> {}

/** A function that makes the socket of a connection, with the shape of undici's connectors: `connect(options, callback)`. */
export type ConnectFunction = buildConnector.connector
