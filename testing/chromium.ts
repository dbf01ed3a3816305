import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

const PATH = '/usr/bin/chromium'

/** Why no browser can be driven here; false if one can. */
export const noChromium = existsSync(PATH) ? false : 'chromium is not installed'

/** A headless Chromium that asks nobody for anything by itself. The sandbox needs rights that root in a container does not have. */
export async function startChromium (): Promise<Browser> {
  return await chromium.launch({
    executablePath: PATH,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  })
}
