/** What a close reason says of the close. */
interface CloseReasonRow {
  /**
   * Which side caused the close. A close that the backend announces or causes counts as the backend's, even if the gateway closed the
   * socket. The dashboard groups and colours closes by it.
   */
  readonly by: 'backend' | 'gateway' | 'client' | 'operator'
  /** Whether the connection was idle, or active: its exchange was under way or had just ended. */
  readonly when: 'idle' | 'active' | 'either'
  /**
   * Whether the backend closed it without announcing that in a response. False for each close that this process makes. The inspector reads
   * it; with `when: 'idle'`, the backend's idle times are learned from such closes.
   */
  readonly unannounced: boolean
  /**
   * Whether the close cuts off a response that has begun. Otherwise the response was whole. The metrics then count the reason as the
   * request's `error_type`. False where `when` is 'idle'.
   */
  readonly cutsResponse: boolean
  /** One sentence, to follow a colon, for the dashboard and docs/close-reasons.md. */
  readonly meaning: string
}

/**
 * Why connections are closed. Every close has exactly one reason. The names are public: observers get them, metrics have them as labels, and
 * the admin API counts by them. A new row needs no change there.
 */
export const CLOSE_REASONS = {
  backend_idle: {
    by: 'backend', when: 'idle', unannounced: true, cutsResponse: false, meaning: 'the backend closed the connection while it was idle'
  },
  backend_active: {
    by: 'backend', when: 'active', unannounced: true, cutsResponse: true,
    meaning: 'the backend closed the connection while it carried a request'
  },
  connection_close: {
    by: 'backend', when: 'active', unannounced: false, cutsResponse: false, meaning: 'the request or the response announced the close'
  },
  non_persistent: {
    by: 'backend', when: 'either', unannounced: false, cutsResponse: false, meaning: 'the backend does not keep connections open'
  },
  unexpected_data: {
    by: 'backend', when: 'either', unannounced: false, cutsResponse: false, meaning: 'the backend sent bytes that answer no request'
  },
  invalid_response: {
    by: 'backend', when: 'active', unannounced: false, cutsResponse: true,
    meaning: 'a response was not valid HTTP, or was larger than allowed'
  },
  early_response: {
    by: 'backend', when: 'active', unannounced: false, cutsResponse: false, meaning: 'the response ended before the whole request was sent'
  },
  idle_limit: {
    by: 'gateway', when: 'idle', unannounced: false, cutsResponse: false,
    meaning: 'the connection was idle for as long as the idle limit allows'
  },
  max_age: { by: 'gateway', when: 'either', unannounced: false, cutsResponse: false, meaning: 'the connection reached maxConnectionAge' },
  max_requests: {
    by: 'gateway', when: 'either', unannounced: false, cutsResponse: false, meaning: 'the connection served as many requests as it may'
  },
  timeout: { by: 'gateway', when: 'active', unannounced: false, cutsResponse: true, meaning: 'a deadline of the gateway passed' },
  stale_suspect: {
    by: 'gateway', when: 'idle', unannounced: false, cutsResponse: false,
    meaning: 'the backend had closed another connection that had been idle no longer than this one'
  },
  evicted: {
    by: 'gateway', when: 'either', unannounced: false, cutsResponse: false,
    meaning: 'the connection made room for another one; it was given back while there were more connections than a lowered bound ' +
      'allows; or the operator evicted idle connections'
  },
  error: { by: 'gateway', when: 'either', unannounced: false, cutsResponse: true, meaning: 'any other error' },
  client_gone: { by: 'client', when: 'either', unannounced: false, cutsResponse: true, meaning: 'the client left' },
  upgraded: {
    by: 'client', when: 'active', unannounced: false, cutsResponse: false,
    meaning: 'the connection became a tunnel, and the tunnel has ended'
  },
  updated: {
    by: 'operator', when: 'either', unannounced: false, cutsResponse: false,
    meaning: 'the options of the target changed: connections are made in another way, or idle ones are above a lowered bound'
  },
  drained: { by: 'operator', when: 'either', unannounced: false, cutsResponse: false, meaning: 'the target is closing' },
  endpoint_gone: {
    by: 'operator', when: 'either', unannounced: false, cutsResponse: false,
    meaning: 'its endpoint takes no more requests: discovery lists it no longer, an operator drains it, or it is shutting down'
  }
} as const satisfies Record<string, CloseReasonRow>

/** Why a connection was closed: a key of the table above, which docs/close-reasons.md explains. */
export type CloseReason = keyof typeof CLOSE_REASONS

/** Whether the backend closed an idle connection without announcing it. */
export function isIdleClose (reason: CloseReason): boolean {
  const { unannounced, when } = CLOSE_REASONS[reason]
  return unannounced && when === 'idle'
}
