import type { HeaderList } from './headers.js'

const OURS = 'holdfast'

/** How often a request has passed a Holdfast gateway, by its `Via` or its `CDN-Loop`: the larger count. */
export function hopsIn (via: string | string[] | undefined, cdnLoop: string | string[] | undefined): number {
  return Math.max(viaHops(via), loopHops(cdnLoop))
}

/**
 * Restores `CDN-Loop` in headers that a user's function has made. RFC 8586 section 2 forbids removing or changing its members, since loops
 * would not be detected. The function may add members.
 *
 * @param list the headers to send; `CDN-Loop` is moved to the end
 * @param loop the `CDN-Loop` before the function ran, with this gateway as a member
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

/** RFC 9110 section 7.6.3: a member is a protocol, then the receiver's name, then perhaps a comment. */
function viaHops (via: string | string[] | undefined): number {
  if (via === undefined) return 0
  // A hook may have made an array of it.
  return countOf(String(via), member => member.split(/[ \t]+/, 2)[1])
}

/** RFC 8586 section 2: a member is an id, then perhaps parameters. Quotes are ignored, so an unclosed quote hides no later member. */
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
