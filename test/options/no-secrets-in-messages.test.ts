import t from 'tap'
import { checkTargetOptions } from '../../src/options/target-options.js'
import { parseUpstream } from '../../src/options/upstream.js'

// Messages are logged, and logs are often sent elsewhere.
function messageOf (refused: () => void): string {
  try {
    refused()
  } catch (error) {
    return (error as Error).message
  }
  return t.fail('was not refused') as never
}

t.test('the message that refuses an upstream contains no credentials', async t => {
  const upstreams = [
    'http://user:s3cret@host', 'http://user:s3/cret@host', 'http://user:s3#cret@host', 'http://user:s3?cret@host', 'http:user:s3cret@host', 'http:/user:s3cret@host',
    'http:\\\\user:s3cret@host', 'user:s3cret@host', '//user:s3cret@host', 'ftp://user:s3cret@host', 'http://user:s3cret@ho st', 'unix+http://user:s3cret@%2Fx/',
    'http://user:s3@cret@host', 'http://host/?token=s3cret', 'http://host/?a=s3cret@c', 'http://host/#s3cret'
  ]
  for (const upstream of upstreams) t.notMatch(messageOf(() => parseUpstream(upstream)), /s3|cret/, upstream)
  t.match(messageOf(() => parseUpstream('http://user:s3cret@host/x')), '"http://***@host/x"', 'what is left tells which one it is')
})

t.test('the message about an unknown option does not contain a value that may be a secret', async t => {
  for (const name of ['key', 'passphrase', 'password', 'pfx', 'token', 'auth', 'clientSecret', 'cert']) {
    const message = messageOf(() => checkTargetOptions({ undiciOptions: { [name]: 's3cret' } as object }))
    t.match(message, `undiciOptions.${name}: "***" is unknown`)
  }
})
