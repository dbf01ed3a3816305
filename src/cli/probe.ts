import { dialFailureCode } from '../connection/dial.js'
import { HoldfastError } from '../errors.js'
import { endpointsFound } from '../probe/endpoints-found.js'
import { measure } from '../probe/probe.js'
import type { ProbeOptions } from '../probe/probe.js'
import { reportOf } from '../probe/report.js'
import { reportAsText } from '../probe/report-text.js'
import { measureEndpoints } from '../probe/target-probe.js'
import { targetReportOf } from '../probe/target-report.js'
import { targetReportAsText } from '../probe/target-report-text.js'
import { Interrupt } from './interrupt.js'
import { HELP, readArguments } from './probe-arguments.js'
import type { ProbedUpstream } from './probe-arguments.js'
import { ProgressLine } from './progress-line.js'
import { UsageError } from './usage-error.js'

/** `holdfast probe`. */
export async function command (args: readonly string[]): Promise<number> {
  const { subject, json, options } = readArguments(args)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe)
  if (subject === undefined) {
    process.stdout.write(HELP)
    return 0
  }
  if (options.connect?.rejectUnauthorized === false) process.stderr.write('holdfast probe: --insecure: the certificate is not verified\n')
  const interrupt = new Interrupt()
  const progress = new ProgressLine(process.stderr)
  const watched = { ...options, signal: interrupt.signal, onProgress: (text: string) => progress.show(text) }
  try {
    const { text, report, isMeasured } = subject instanceof URL ? await probeOne(subject, watched) : await probeEach(subject, watched)
    progress.clear()
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : text)
    return interrupt.exitCode ?? (isMeasured ? 0 : 1)
  } catch (error) {
    progress.clear()
    if (!(error instanceof HoldfastError)) throw error
    // A service account that is not there, for example.
    if (error.code === 'HOLDFAST_ERR_OPTION') throw new UsageError(`probe: ${error.message}`)
    process.stderr.write(`holdfast probe: ${subject instanceof URL ? subject.href : subject.upstream}: ${explained(error)}\n`)
    return interrupt.exitCode ?? 1
  } finally {
    interrupt.forget()
  }
}

interface Probed { readonly text: string, readonly report: object, readonly isMeasured: boolean }

async function probeOne (url: URL, options: ProbeOptions): Promise<Probed> {
  const found = await measure(url, options)
  const report = reportOf(found)
  return { text: reportAsText(found, report), report, isMeasured: report.persistent !== null }
}

async function probeEach (target: ProbedUpstream, options: ProbeOptions): Promise<Probed> {
  const endpoints = await endpointsFound(target, {}, options.signal)
  const measured = await measureEndpoints({ ...target, endpoints }, options)
  const report = targetReportOf(target.origin, measured)
  return {
    text: targetReportAsText(measured, report, endpoints.length),
    report,
    isMeasured: report.endpoints.every(one => 'report' in one && one.report.persistent !== null)
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
