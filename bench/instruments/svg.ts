/** Okabe and Ito's colours, which people with any colour vision can distinguish, on white and on black. */
export const COLOURS = ['#0072b2', '#d55e00', '#009e73']
export const MARGIN = 16
/** Height of the title and the line below it, above the drawing. */
export const HEAD = 50

/** A drawing as an SVG document with its own background, readable on light and dark pages. */
export function svgDocument ({ title, subtitle, description, width, height, lines }: { title: string, subtitle: string, description: string, width: number, height: number, lines: readonly string[] }): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(title)}</title>
<desc id="desc">${escaped(description)}</desc>
<style>
.page { fill: #ffffff }
.grid { stroke: #d0d7de }
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.strong { font-weight: 600 }
@media (prefers-color-scheme: dark) { .page { fill: #0d1117 } .grid { stroke: #30363d } text { fill: #e6edf3 } }
</style>
<rect class="page" width="100%" height="100%" rx="6"/>
<text class="strong" x="${MARGIN}" y="${MARGIN + 14}" style="font-size: 15px">${escaped(title)}</text>
<text x="${MARGIN}" y="${MARGIN + 34}">${escaped(subtitle)}</text>
${lines.join('\n')}
</svg>
`
}

export function escaped (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
