import type { HeaderList } from './headers.js'

const OURS = 'holdfast'

/** Whichever says more of how often a request has passed a Holdfast gateway: its `Via` or its `CDN-Loop`. */
export function hopsIn (via: string | string[] | undefined, cdnLoop: string | string[] | undefined): number {
  return Math.max(viaHops(via), loopHops(cdnLoop))
}

/**
 * A user's own header section, with the `CDN-Loop` that it has to have: RFC 8586 section 2 lets nobody take out or change what is in one, or
 * loops are not told. More may be in it than there was.
 *
 * @param list what is to be sent; `CDN-Loop` is taken out of it and put at its end
 * @param loop what was to be sent before, with this gateway
 */
export function withLoop (list: HeaderList, loop: string): HeaderList {
  const kept: HeaderList = []
  const given: string[] = []
  for (let i = 0; i + 1 < list.length; i += 2) {
    if (list[i]!.toLowerCase() === 'cdn-loop') given.push(String(list[i + 1]))
    else kept.push(list[i]!, list[i + 1]!)
  }
  const said = given.join(', ')
  const whole = loopHops(said) >= loopHops(loop) ? said : said === '' ? loop : `${loop}, ${said}`
  kept.push('cdn-loop', whole)
  return kept
}

/** RFC 9110 section 7.6.3: a protocol, then who received it, then perhaps a comment. */
function viaHops (via: string | string[] | undefined): number {
  if (via === undefined) return 0
  // A hook may have made lines of it.
  return countOf(String(via), member => member.split(/[ \t]+/, 2)[1])
}

/** RFC 8586 section 2: an id, then perhaps parameters. A quote in one that nobody closed hides nothing of what comes behind it. */
function loopHops (cdnLoop: string | string[] | undefined): number {
  if (cdnLoop === undefined) return 0
  return countOf(String(cdnLoop), member => member.split(';', 1)[0])
}

function countOf (list: string, nameOf: (member: string) => string | undefined): number {
  let hops = 0
  for (const member of list.split(',')) {
    if (nameOf(member.trim())?.trim().toLowerCase() === OURS) hops++
  }
  return hops
}
