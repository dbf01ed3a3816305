import t from 'tap'
import { readGivenList } from '../../src/discovery/given-list.js'

t.test('a list has URLs, and objects with weights and priorities', async t => {
  const second = { url: 'http://[FD00::0:1]', weight: 0.5, priority: 1, leaving: true, zone: 'a', group: 'v2' }
  t.same(readGivenList(['http://10.0.0.1:3000', second], 'upstream'), {
    protocol: 'http:',
    found: [
      { id: '10.0.0.1:3000', host: '10.0.0.1', port: 3000, weight: 1, priority: 0, leaving: false },
      { id: '[fd00::1]', host: 'fd00::1', port: undefined, weight: 0.5, priority: 1, leaving: true, zone: 'a', group: 'v2' }
    ]
  })
  t.same(readGivenList(['https://users.internal'], 'upstream').protocol, 'https:')
})

t.test('a list that cannot be is refused whole, and the error names the element and the remedy', async t => {
  const refused: [list: unknown, message: RegExp][] = [
    ['http://a', /^upstream: "http:\/\/a" is no list; give URLs like/],
    [undefined, /^upstream: undefined is no list/],
    [['http://a', 'https://b'], /^upstream\[1\]: "https:\/\/b" has another scheme than http:; give all endpoints of a target the same one/],
    [['http://a', { url: 'http://A:80/' }], /^upstream\[1\]: "http:\/\/a" is in the list twice; give one a weight instead/],
    [['http://a', null], /^upstream\[1\]: null is no URL; give one like http:\/\/10\.0\.0\.1:3000/],
    [[{ weight: 1 }], /^upstream\[0\]: undefined is no URL/],
    [['10.0.0.1:3000'], /^upstream\[0\]: "10\.0\.0\.1:3000" is no URL/],
    [['ftp://a'], /^upstream\[0\]: "ftp:" is not http: or https:/],
    [['http://me:secret@a'], /^upstream\[0\]: "http:\/\/a" has credentials/],
    [['http://a/b'], /^upstream\[0\]: "http:\/\/a\/b" has a path/],
    [[{ url: 'http://a', weight: 0 }], /^upstream\[0\]\.weight: 0 is no weight; give a number above 0.*leave an endpoint out/],
    [[{ url: 'http://a', weight: NaN }], /^upstream\[0\]\.weight: NaN/],
    [[{ url: 'http://a', weight: '1' }], /^upstream\[0\]\.weight: "1"/],
    [[{ url: 'http://a', priority: -1 }], /^upstream\[0\]\.priority: -1 is no priority; give a whole number from 0/],
    [[{ url: 'http://a', leaving: 'yes' }], /^upstream\[0\]\.leaving: "yes" must be true or false/],
    [[{ url: 'http://a', zone: 1 }], /^upstream\[0\]\.zone: 1 must be a string/]
  ]
  for (const [list, message] of refused) t.throws(() => readGivenList(list, 'upstream'), { code: 'HOLDFAST_ERR_OPTION', message })
  t.throws(() => readGivenList(['https://a'], 'upstream', 'http:'), { message: /has another scheme than http:/ })
})
