import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

const PATH = '/usr/bin/chromium'

/** Why tests cannot run a browser on this machine; false if they can. */
export const noChromium = existsSync(PATH) ? false : 'chromium is not installed'

/** A headless Chromium that sends no requests of its own. Its sandbox is off: it needs rights that root in a container does not have. */
export async function startChromium (): Promise<Browser> {
  return await chromium.launch({
    executablePath: PATH,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  })
}
