/** What `tls.createSecureContext` takes: all of it is put aside where a `secureContext` is given. */
export const OF_THE_CONTEXT = [
  'ca', 'cert', 'key', 'pfx', 'passphrase', 'crl', 'ciphers', 'sigalgs', 'ecdhCurve', 'dhparam', 'minVersion', 'maxVersion', 'secureProtocol', 'secureOptions',
  'honorCipherOrder', 'sessionIdContext', 'sessionTimeout', 'ticketKeys', 'allowPartialTrustChain', 'clientCertEngine', 'privateKeyEngine', 'privateKeyIdentifier'
] as const

/**
 * Who a target is to its backend, whom it trusts, and by which means the two make sure. A target that sets one of them takes none of
 * the gateway's: half of one identity and half of another is an identity that was never configured. Source: Node's `tls.connect` and
 * `tls.createSecureContext`.
 */
export const TLS_IDENTITY: readonly string[] = [
  ...OF_THE_CONTEXT,
  'secureContext', 'servername', 'rejectUnauthorized', 'checkServerIdentity', 'pskCallback', 'ALPNProtocols', 'minDHSize', 'session', 'requestOCSP'
]
