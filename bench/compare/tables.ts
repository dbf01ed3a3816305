import { cpuOf, latencyOf, noise, perSecondOf, ratioTo, ratioToFloor, type Spread, undisturbed } from './figures.js'
import type { GatewayKind } from './gateways.js'
import type { Measured, WorkloadResult } from './rounds.js'
import { printTable, type Row } from '../instruments/table.js'

/** All figures of a workload, a row a gateway. */
export function workloadRows (result: WorkloadResult): Row[] {
  const { holdfast, peers } = result
  return [holdfast, ...peers].map((measured) => {
    const { title, failed, errors, requests, resident, latencies } = measured
    const toFloor = ratioToFloor(result, measured, 'cpu')
    const known = failed === undefined
    const latency = known && latencies.length > 0
    return {
      gateway: title,
      'CPU, us a request': known ? cpuOf(measured).median.toFixed(1) : '-',
      'CPU, Holdfast to it': !known ? 'fails' : measured === holdfast ? '1' : spread(ratioTo(measured, 'cpu')),
      'CPU, to the floor': known && toFloor !== undefined ? toFloor.toFixed(2) : '-',
      'requests/s': known ? Math.round(perSecondOf(measured)) : '-',
      'at half, requests/s': latency ? Math.round(latencyOf(measured, 'rate')) : '-',
      'p50, ms': latency ? latencyOf(measured, 'p50').toFixed(2) : '-',
      'p99, ms': latency ? latencyOf(measured, 'p99').toFixed(1) : '-',
      'RSS, MB': known ? Math.round(resident / 2 ** 20) : '-',
      errors: failed ?? (errors === 0 ? '0' : `${errors} of ${requests}`)
    }
  })
}

/** Holdfast's CPU time as a share of each peer's, a row a workload. */
export function summaryRows (results: readonly WorkloadResult[], kinds: readonly GatewayKind[]): Row[] {
  return results.map((result) => ({
    workload: result.workload.title,
    ...Object.fromEntries(kinds.map((kind) => [kind.title, cell(result.peers.find((peer) => peer.kind === kind))])),
    noise: percent(noise(result)),
    'undisturbed rounds': undisturbed(result)
  }))
}

/** How far two neighbouring rounds of the same gateway are apart, in per cent. */
export function percent ({ least, most }: Spread): string {
  if (least > most) return 'unknown'
  const signed = (ratio: number): string => `${ratio < 1 ? '-' : '+'}${Math.round(Math.abs(ratio - 1) * 100)}`
  return `${signed(least)}..${signed(most)} %`
}

function cell (peer: Measured | undefined): string {
  if (peer === undefined) return '-'
  return peer.failed === undefined ? ratioTo(peer, 'cpu').median.toFixed(2) + (peer.errors === 0 ? '' : ' (errors)') : 'fails'
}

export function spread ({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)}..${most.toFixed(2)})`
}

/** Prints a table, as Markdown if asked. */
export function print (title: string, rows: Row[], markdown: boolean): void {
  if (!markdown) {
    printTable(title, rows)
    return
  }
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: Array<string | number>): string => `| ${cells.join(' | ')} |`
  console.log(`\n### ${title}\n`)
  console.log(line(columns))
  console.log(line(columns.map((_column, n) => n === 0 ? '---' : '--:')))
  for (const row of rows) console.log(line(columns.map((column) => row[column] ?? '')))
}
