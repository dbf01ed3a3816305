import t from 'tap'
import { hostsAddresses, lookUpWithoutThread, searchNames } from '../../src/connection/threadless-names.js'

const HOSTS = `# comment
127.0.0.1\tlocalhost   me
::1 localhost ip6-localhost # and so on
10.0.0.7 Users.internal users # not this
not-an-address users
`

t.test('a hosts file is read as getaddrinfo reads it', async t => {
  t.same(hostsAddresses(HOSTS, 'users'), [{ address: '10.0.0.7', family: 4 }])
  t.same(hostsAddresses(HOSTS, 'USERS.internal.'), [{ address: '10.0.0.7', family: 4 }])
  t.same(hostsAddresses(HOSTS, 'localhost').map(({ address }) => address), ['127.0.0.1', '::1'])
  t.same(hostsAddresses(HOSTS, 'this'), [])
  t.same(hostsAddresses('', 'localhost').map(({ address }) => address), ['127.0.0.1', '::1'], 'localhost has addresses in any case')
  t.same(hostsAddresses('', 'a.localhost').length, 2)
  t.same(hostsAddresses('', 'notlocalhost'), [])
})

t.test('the search list is asked in its order, by ndots', async t => {
  const cluster = 'nameserver 10.96.0.10\nsearch prod.svc.cluster.local svc.cluster.local cluster.local.\noptions ndots:5 timeout:2\n'
  t.same(searchNames(cluster, 'users'), ['users.prod.svc.cluster.local', 'users.svc.cluster.local', 'users.cluster.local', 'users'])
  t.same(searchNames(cluster, 'users.').length, 1, 'a name with a dot at its end is whole')
  t.same(searchNames(cluster, 'a.b.c.d.e.f')[0], 'a.b.c.d.e.f')
  t.same(searchNames('search example.com', 'users.internal'), ['users.internal', 'users.internal.example.com'])
  t.same(searchNames('domain example.com', 'users'), ['users.example.com', 'users'])
  t.same(searchNames('', 'users'), ['users'])
  t.same(searchNames('search .', 'users'), ['users'])
})

t.test('localhost is found without a thread, by family', async t => {
  const found = (family: number): Promise<string[]> => new Promise((resolve, reject) => {
    lookUpWithoutThread('localhost', { family, hints: 0 }, (error, addresses) => error === null ? resolve(addresses.map(({ address }) => address)) : reject(error))
  })
  t.same(await found(4), ['127.0.0.1'])
  t.ok((await found(0)).includes('127.0.0.1'))
})
