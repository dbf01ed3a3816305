import { keepToken } from './api.js'
import { Fleet } from './fleet.js'
import { Live } from './live.js'
import { News } from './news.js'
import { Overview } from './overview.js'
import { TargetView } from './target-view.js'
import { onThemeChange } from './theme.js'
import { askToken } from './token-dialog.js'
import { clock } from './units.js'
import { liveText } from './element.js'

const main = find('main')
const liveNode = find('.live')
const sayLive = liveText(find('.live-text'))
const notice = liveText(find('.notice'))
const tokenButton = find('.token-button')
find('.live-text').firstChild?.remove()

const fleet = new Fleet()
const news = new News()
/** @type {Overview | TargetView | undefined} */
let view
let frame = 0
/** @type {ReturnType<typeof setTimeout> | undefined} */
let noticeTimer

const live = new Live((type, data) => {
  const { version } = news
  if (type === 'snapshot') fleet.take(data)
  else news.take(type, data)
  if (view instanceof TargetView) view.heard(type, data)
  // Most events are connections that open and close, and are no news.
  else if (type === 'snapshot' || news.version !== version) schedule()
}, showState)

/** Renders once for each animation frame, however many events arrive. A hidden page has no frames. */
function schedule () {
  if (frame !== 0) return
  frame = requestAnimationFrame(() => {
    frame = 0
    view?.render()
  })
}

/**
 * @param {import('./live.js').LiveState} state
 * @param {string} why
 */
function showState (state, why) {
  liveNode.dataset['state'] = state
  document.body.classList.toggle('stale', state === 'lost' || state === 'locked')
  tokenButton.hidden = state !== 'locked'
  if (state === 'connecting') sayLive('Connecting')
  if (state === 'live') sayLive('Live')
  if (state === 'lost') sayLive(`Not live since ${clock(Date.now())}: ${why}. Trying again.`)
  if (state === 'locked') {
    sayLive('Not live: a token is needed.')
    unlock()
  }
}

async function unlock () {
  const token = await askToken('The admin listener of this gateway asks for its token. It is kept until this tab is closed.')
  if (token === undefined) return
  keepToken(token)
  live.start()
}

/** @param {string} text shown for 10 s */
function say (text) {
  notice(text)
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(() => notice(''), 10_000)
}

function route () {
  const hash = location.hash
  // Other fragments, such as #main, are anchors on the page.
  if (hash !== '' && !hash.startsWith('#/')) return
  const first = view === undefined
  view?.close()
  const name = targetIn(hash)
  view = name === undefined ? new Overview(fleet, news, schedule) : new TargetView(name, schedule, say)
  main.replaceChildren(view.node)
  document.title = `${view.title} · Holdfast`
  if (view instanceof TargetView && fleet.at !== 0) view.heard('snapshot', undefined)
  // At the first rendering the focus stays where the browser puts it, so that a screen reader reads the page from its beginning.
  if (!first) main.querySelector('h1')?.focus()
  schedule()
}

/** @param {string} hash */
function targetIn (hash) {
  const [, encoded] = /^#\/target\/(.+)$/.exec(hash) ?? []
  if (encoded === undefined) return undefined
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** @param {string} selector */
function find (selector) {
  return /** @type {HTMLElement} */ (document.querySelector(selector))
}

find('.skip').addEventListener('click', event => {
  event.preventDefault()
  main.focus()
})
tokenButton.addEventListener('click', () => { unlock() })
addEventListener('hashchange', route)
addEventListener('online', () => live.start())
onThemeChange(() => view?.recolour())
route()
live.start()
