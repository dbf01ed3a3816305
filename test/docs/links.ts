import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withoutFences } from './documents.js'
import type { Document } from './documents.js'

/** Targets of links and images, code excepted. */
export function linksIn ({ text }: Document): string[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, code => code.replace(/[[\]()]/g, ' '))
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target!)
}

/** Anchors of a page's headings, as GitHub makes them. */
export function anchorsIn (text: string): Set<string> {
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

/** Why a link of a page below `root` leads nowhere; undefined where it leads somewhere, or to another site. */
export function faultOf (root: string, { name }: Document, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? name : join(dirname(name), path)
  if (!existsSync(join(root, file))) return `there is no ${file}`
  if (anchor === undefined || !file.endsWith('.md')) return undefined
  return anchorsIn(readFileSync(join(root, file), 'utf8')).has(anchor) ? undefined : `${file} has no heading for #${anchor}`
}
