import type { ConnectFunction } from '../options/connect-types.js'
import type { ConnectOptions } from '../options/option-types.js'
import type { TargetSnapshot } from '../target/target.js'

// Of what a target connects with, only what is known to be no secret: keys, certificates and passphrases stay here, and so does whatever
// Node invents next.
const SHOWN = ['timeout', 'rejectUnauthorized', 'servername', 'minVersion', 'maxVersion', 'family', 'keepAlive', 'keepAliveInitialDelay', 'autoSelectFamily', 'autoSelectFamilyAttemptTimeout', 'maxCachedSessions'] as const

/** A snapshot as it may be told to whoever may see the gateway: without the secrets that its options hold. A `connect` function is shown as no options. */
export function disclosed (snapshot: TargetSnapshot): TargetSnapshot {
  const { limits } = snapshot
  return { ...snapshot, limits: { ...limits, undiciOptions: { ...limits.undiciOptions, connect: shown(limits.undiciOptions.connect) } } }
}

function shown (connect: ConnectOptions | ConnectFunction): ConnectOptions {
  if (typeof connect === 'function') return {}
  return Object.fromEntries(SHOWN.filter(name => connect[name] !== undefined).map(name => [name, connect[name]]))
}
