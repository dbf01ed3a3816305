export type Row = Record<string, string | number>

/** Prints rows in columns, text aligned left and numbers aligned right. The keys of the first row name the columns. */
export function printTable (title: string, rows: Row[]): void {
  const columns = Object.keys(rows[0] ?? {})
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column] ?? '').length)))
  const line = (cells: Array<string | number>): string => cells
    .map((cell, i) => typeof cell === 'number' ? String(cell).padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))
    .join('  ').trimEnd()
  console.log(`\n${title}\n`)
  console.log(line(columns))
  console.log(line(widths.map((width) => '-'.repeat(width))))
  for (const row of rows) console.log(line(columns.map((column) => row[column] ?? '')))
}

/** Counts by name on one line: `connection_close 3, idle_limit 1`; `-` for none. */
export function listed (counts: Record<string, number | undefined> | ReadonlyMap<string, number>): string {
  const entries = counts instanceof Map ? [...counts] : Object.entries(counts)
  return entries.map(([name, count]) => `${name} ${count}`).join(', ') || '-'
}
