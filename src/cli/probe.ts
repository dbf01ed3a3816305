import { dialFailureCode } from '../connection/dial.js'
import { HoldfastError } from '../errors.js'
import { measure } from '../probe/probe.js'
import { reportOf } from '../probe/report.js'
import { reportAsText } from '../probe/report-text.js'
import { Interrupt } from './interrupt.js'
import { HELP, readArguments } from './probe-arguments.js'
import { ProgressLine } from './progress-line.js'

/** `holdfast probe`. */
export async function command (args: readonly string[]): Promise<number> {
  const { url, json, options } = readArguments(args)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe)
  if (url === undefined) {
    process.stdout.write(HELP)
    return 0
  }
  if (options.connect?.rejectUnauthorized === false) process.stderr.write('holdfast probe: --insecure: the certificate is not verified\n')
  const interrupt = new Interrupt()
  const progress = new ProgressLine(process.stderr)
  try {
    const found = await measure(url, { ...options, signal: interrupt.signal, onProgress: text => progress.show(text) })
    progress.clear()
    const report = reportOf(found)
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportAsText(found, report))
    return interrupt.exitCode ?? (report.persistent === null ? 1 : 0)
  } catch (error) {
    progress.clear()
    if (!(error instanceof HoldfastError)) throw error
    process.stderr.write(`holdfast probe: ${url.href}: ${explained(error)}\n`)
    return 1
  } finally {
    interrupt.forget()
  }
}

/** One line, with the cause: the gateway keeps the cause for its log, but the user of a probe may see it. */
function explained (error: HoldfastError): string {
  const code = dialFailureCode(error)
  const cause = error.cause instanceof Error ? error.cause.message.split('\n', 1)[0]! : ''
  const detail = [code === error.code ? '' : code, cause].filter((text, i, all) => text !== '' && !(i === 0 && all[1]!.includes(text)))
  const remedy = error.code === 'HOLDFAST_ERR_TLS' ? '; --ca, --servername or --insecure may help' : ''
  return `${error.message}${detail.length > 0 ? ` (${detail.join(': ')})` : ''}${remedy}`
}

// The reader has closed the pipe, as `| head` does.
function ignoreBrokenPipe (error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
