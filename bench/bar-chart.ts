export interface BarChart {
  title: string
  subtitle: string
  /** Says in words what is to be seen. */
  description: string
  /** After each number. */
  unit: string
  /** Each has a scale of its own. */
  panels: Array<{ name: string, bars: Array<{ label: string, value: number }> }>
}

const WIDTH = 760
const MARGIN = 16
const LABELS = 210
const NUMBERS = 90
const BAR = 18
const STEP = 24
const PANEL_HEAD = 34
const HEAD = 50
// Okabe and Ito's, which are told apart by all kinds of colour vision, on white and on black.
const COLOURS = ['#0072b2', '#d55e00', '#009e73']

/** Horizontal bars as an SVG document that brings its own background, for a light page and a dark one. */
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
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(title)}</title>
<desc id="desc">${escaped(description)}</desc>
<style>
.page { fill: #ffffff }
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.strong { font-weight: 600 }
@media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #e6edf3 } }
</style>
<rect class="page" width="100%" height="100%" rx="6"/>
<text class="strong" x="${MARGIN}" y="${MARGIN + 14}" style="font-size: 15px">${escaped(title)}</text>
<text x="${MARGIN}" y="${MARGIN + 34}">${escaped(subtitle)}</text>
${lines.join('\n')}
</svg>
`
}

function escaped (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
