import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../../testing/program.js'
import { allDocuments, userDocuments, withoutFences } from './documents.js'
import type { Document } from './documents.js'

/** Targets of links and images, code excepted. */
function linksIn ({ text }: Document): string[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, code => code.replace(/[[\]()]/g, ' '))
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target!)
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsIn (text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of withoutFences(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const words = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').trim().toLowerCase()
    const slug = words.replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '').replaceAll(' ', '-')
    let anchor = slug
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`
    anchors.add(anchor)
  }
  return anchors
}

/** Why a link leads nowhere; undefined where it leads somewhere, or to another site. */
function faultOf ({ name }: Document, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? name : join(dirname(name), path)
  if (!existsSync(join(REPOSITORY, file))) return `there is no ${file}`
  if (anchor === undefined || !file.endsWith('.md')) return undefined
  return anchorsIn(readFileSync(join(REPOSITORY, file), 'utf8')).has(anchor) ? undefined : `${file} has no heading for #${anchor}`
}

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
