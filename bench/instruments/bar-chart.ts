import { COLOURS, escaped, HEAD, MARGIN, svgDocument } from './svg.js'

export interface BarChart {
  title: string
  subtitle: string
  /** Describes the chart in words. */
  description: string
  /** After each number. */
  unit: string
  /** Each panel has its own scale. */
  panels: Array<{ name: string, bars: Array<{ label: string, value: number }> }>
}

const WIDTH = 760
const LABELS = 210
const NUMBERS = 90
const BAR = 18
const STEP = 24
const PANEL_HEAD = 34

/** Horizontal bars as an SVG document with its own background, readable on light and dark pages. */
export function barChart ({ title, subtitle, description, unit, panels }: BarChart): string {
  const lines: string[] = []
  let y = MARGIN + HEAD
  for (const { name, bars } of panels) {
    const most = Math.max(...bars.map(({ value }) => value))
    lines.push(`<text class="strong" x="${MARGIN}" y="${y + 16}">${escaped(name)}</text>`)
    y += PANEL_HEAD - 8
    for (const [i, { label, value }] of bars.entries()) {
      const width = Math.max(1, Math.round(value / most * (WIDTH - 2 * MARGIN - LABELS - NUMBERS)))
      const middle = y + BAR / 2 + 4.5
      lines.push(
        `<text x="${MARGIN + LABELS - 8}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
        `<rect x="${MARGIN + LABELS}" y="${y}" width="${width}" height="${BAR}" rx="2" fill="${COLOURS[i % COLOURS.length]}"/>`,
        `<text x="${MARGIN + LABELS + width + 6}" y="${middle}">${Math.round(value)} ${escaped(unit)}</text>`
      )
      y += STEP
    }
    y += 8
  }
  const height = y + MARGIN - 8
  return svgDocument({ title, subtitle, description, width: WIDTH, height, lines })
}
