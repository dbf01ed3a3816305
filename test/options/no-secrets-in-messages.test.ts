import t from 'tap'
import { checkTargetOptions } from '../../src/options/target-options.js'
import { parseUpstream } from '../../src/options/upstream.js'

// It is logged, and often sent to where logs are kept.
function messageOf (refused: () => void): string {
  try {
    refused()
  } catch (error) {
    return (error as Error).message
  }
  return t.fail('was not refused') as never
}

t.test('what an upstream may hold of credentials is not in the message that refuses it', async t => {
  const upstreams = [
    'http://user:s3cret@host', 'http://user:s3/cret@host', 'http://user:s3#cret@host', 'http://user:s3?cret@host', 'http:user:s3cret@host', 'http:/user:s3cret@host',
    'http:\\\\user:s3cret@host', 'user:s3cret@host', '//user:s3cret@host', 'ftp://user:s3cret@host', 'http://user:s3cret@ho st', 'unix+http://user:s3cret@%2Fx/',
    'http://user:s3@cret@host', 'http://host/?token=s3cret', 'http://host/?a=s3cret@c', 'http://host/#s3cret'
  ]
  for (const upstream of upstreams) t.notMatch(messageOf(() => parseUpstream(upstream)), /s3|cret/, upstream)
  t.match(messageOf(() => parseUpstream('http://user:s3cret@host/x')), '"http://***@host/x"', 'what is left tells which one it is')
})

t.test('the value of an unknown option that may be a secret is not in the message', async t => {
  for (const name of ['key', 'passphrase', 'password', 'pfx', 'token', 'auth', 'clientSecret', 'cert']) {
    const message = messageOf(() => checkTargetOptions({ undiciOptions: { [name]: 's3cret' } as object }))
    t.match(message, `undiciOptions.${name}: "***" is unknown`)
  }
})
