import type { DiscoveryFault } from '../discovery/source.js'
import type { ConnectFunction } from '../options/connect-types.js'
import type { ConnectOptions } from '../options/option-types.js'
import type { TargetSnapshot } from '../target/target.js'

// The options of `connect` that are known to be no secrets. Any other, such as a key, a passphrase, or an option that Node adds later, is
// not shown.
const SHOWN = ['timeout', 'rejectUnauthorized', 'servername', 'minVersion', 'maxVersion', 'family', 'keepAlive', 'keepAliveInitialDelay', 'autoSelectFamily', 'autoSelectFamilyAttemptTimeout', 'maxCachedSessions'] as const

/** A snapshot without the secrets of its options, for users of the admin surface. A `connect` function is shown as an empty object. */
export function disclosed (snapshot: TargetSnapshot): TargetSnapshot {
  const { limits, discovery } = snapshot
  return {
    ...snapshot,
    limits: { ...limits, undiciOptions: { ...limits.undiciOptions, connect: shown(limits.undiciOptions.connect) } },
    discovery: discovery?.fault === undefined ? discovery : { ...discovery, fault: shownFault(discovery.fault) }
  }
}

/** A fault without its cause, which may be an error of a user's function with anything in it. */
function shownFault ({ kind, message }: DiscoveryFault): DiscoveryFault {
  return { kind, message }
}

function shown (connect: ConnectOptions | ConnectFunction): ConnectOptions {
  if (typeof connect === 'function') return {}
  return Object.fromEntries(SHOWN.filter(name => connect[name] !== undefined).map(name => [name, connect[name]]))
}
