import { COLOURS, escaped, HEAD, MARGIN, svgDocument } from './svg.js'

export interface Curve {
  /** What the curve varies. */
  title: string
  points: number[]
  lines: Array<{ title: string, values: number[] }>
}

const PANEL_WIDTH = 360
const PANEL_HEIGHT = 210
const COLUMNS = 2
const PLOT = { left: 44, right: 20, top: 30, bottom: 34 }

/** A panel a curve, with a scale from 0 and points at equal distances. Dashes distinguish the lines without colour. */
export function lineCharts (title: string, curves: readonly Curve[]): string {
  const lines = curves.flatMap((curve, n) => panel(curve, MARGIN + (n % COLUMNS) * PANEL_WIDTH, MARGIN + HEAD + Math.floor(n / COLUMNS) * PANEL_HEIGHT))
  const names = curves[0]?.lines.map(({ title }) => title) ?? []
  return svgDocument({
    title,
    subtitle: names.map((name, n) => `${name}: ${n === 0 ? 'solid' : 'dashed'}`).join(', '),
    description: curves.map(({ title, points, lines }) => `By ${title} (${points.join(', ')}): ${lines.map(line => `${line.title} ${line.values.map(Math.round).join(', ')}`).join('; ')}.`).join(' '),
    width: 2 * MARGIN + COLUMNS * PANEL_WIDTH,
    height: 2 * MARGIN + HEAD + Math.ceil(curves.length / COLUMNS) * PANEL_HEIGHT,
    lines
  })
}

function panel ({ title, points, lines }: Curve, x: number, y: number): string[] {
  const most = Math.max(...lines.flatMap(({ values }) => values))
  const width = PANEL_WIDTH - PLOT.left - PLOT.right
  const height = PANEL_HEIGHT - PLOT.top - PLOT.bottom
  const across = (n: number): number => Math.round(x + PLOT.left + n / Math.max(1, points.length - 1) * width)
  const up = (value: number): number => Math.round(y + PLOT.top + (1 - value / most) * height)
  return [
    `<text class="strong" x="${x + PLOT.left}" y="${y + 16}">by ${escaped(title)}</text>`,
    ...[0, most / 2, most].flatMap((value) => [
      `<line class="grid" x1="${across(0)}" x2="${across(points.length - 1)}" y1="${up(value)}" y2="${up(value)}"/>`,
      `<text x="${across(0) - 8}" y="${up(value) + 4}" text-anchor="end">${Math.round(value)}</text>`
    ]),
    ...points.map((point, n) => `<text x="${across(n)}" y="${y + PANEL_HEIGHT - 14}" text-anchor="middle">${point}</text>`),
    ...lines.map(({ values }, n) => `<polyline points="${values.map((value, at) => `${across(at)},${up(value)}`).join(' ')}" fill="none" stroke="${COLOURS[n % COLOURS.length]}" stroke-width="2.5"${n === 0 ? '' : ' stroke-dasharray="6 4"'}/>`)
  ]
}
