import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../../testing/program.js'
import { allDocuments, userDocuments } from './documents.js'
import { anchorsIn, faultOf as faultIn, linksIn } from './links.js'
import type { Document } from './documents.js'

const faultOf = (document: Document, link: string): string | undefined => faultIn(REPOSITORY, document, link)

t.test('the reader of links finds what there is to find', async t => {
  const page = { name: 'docs/a.md', text: '[a](b.md) ![c](d.png) [`e`](f.md#g)\n```ts\n[h](i)\n```\n`[j](k)`' }
  t.strictSame(linksIn(page), ['b.md', 'd.png', 'f.md#g'])
  t.strictSame([...anchorsIn('# `A` b, c\n## D\n## D\n```sh\n# e\n```\n')], ['a-b-c', 'd', 'd-1'])
  t.equal(faultOf(page, 'nowhere.md'), 'there is no docs/nowhere.md')
  t.equal(faultOf(page, '../README.md#nowhere'), 'README.md has no heading for #nowhere')
  t.equal(faultOf(page, 'https://example.com/#nowhere'), undefined)
})

t.test('every relative link of the documentation leads to a file, and to a heading of it', async t => {
  for (const document of allDocuments()) {
    const faults = linksIn(document).map(link => ({ link, fault: faultOf(document, link) })).filter(({ fault }) => fault !== undefined)
    t.strictSame(faults, [], document.name)
  }
})

t.test('every file that a page names in code is there', async t => {
  for (const { name, text } of userDocuments()) {
    const named = [...text.matchAll(/`((?:src|plugins|routes|bench|test|testing|examples)\/[\w./-]+)`/g)].map(([, path]) => path!)
    t.strictSame(named.filter(path => !existsSync(join(REPOSITORY, path))), [], name)
  }
})
