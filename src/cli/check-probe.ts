import { isDeepStrictEqual } from 'node:util'
import type { CheckedApp, CheckedTarget, Unreachable } from '../check/rule.js'
import { dialFailureCode } from '../connection/dial.js'
import { HoldfastError } from '../errors.js'
import type { ConnectOptions } from '../options/option-types.js'
import { formatSet } from '../probe/duration.js'
import { probe } from '../probe/probe.js'
import type { ProbeReport } from '../probe/probe.js'

type Measured = ProbeReport | Unreachable
interface Subject { readonly origin: URL, readonly connect: ConnectOptions, readonly report: Promise<Measured> }

/** The apps, with a probe's report for each backend. All backends are probed at once, and each of them only once. */
export async function measured (apps: readonly CheckedApp[], maxWait: number): Promise<CheckedApp[]> {
  const subjects: Subject[] = []
  if (process.stderr.isTTY) process.stderr.write(`probing, for ${formatSet(maxWait)} at most\n`)
  return await Promise.all(apps.map(async app => ({
    ...app,
    targets: await Promise.all(app.targets.map(async target => ({ ...target, measured: await reportFor(target, subjects, maxWait) })))
  })))
}

function reportFor ({ origin, options: { undiciOptions: { connect, socketPath } } }: CheckedTarget, subjects: Subject[], maxWait: number): Promise<Measured> | undefined {
  // A probe dials a host itself: it calls no connect function, and uses no unix socket.
  if (origin === undefined || typeof connect === 'function' || socketPath !== undefined) return undefined
  const known = subjects.find(subject => subject.origin.origin === origin.origin && isDeepStrictEqual(subject.connect, connect))
  if (known !== undefined) return known.report
  const report = probe(origin, { maxWait, connect }).catch(unreachable)
  subjects.push({ origin, connect, report })
  return report
}

function unreachable (error: unknown): Unreachable {
  if (!(error instanceof HoldfastError)) throw error
  const code = dialFailureCode(error)
  return { unreachable: code === error.code ? error.message : `${error.message} (${code})` }
}
