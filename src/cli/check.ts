import { existsSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { findingsOf } from '../check/findings.js'
import type { Finding } from '../check/findings.js'
import type { CheckedApp, Surroundings } from '../check/rule.js'
import { RULES } from '../check/rules.js'
import type { RuleId } from '../check/rules.js'
import { rulesAsMarkdown, rulesAsText } from '../check/rules-text.js'
import { checkedApp } from '../gateway/checked-app.js'
import { existingState } from '../gateway/state.js'
import { loadDotEnv } from '../service/dot-env.js'
import { EnvironmentError } from '../service/environment-error.js'
import { readEnvironment } from '../service/environment.js'
import { ROUTES, hasRouteFiles } from '../service/route-files.js'
import { variableWords } from '../service/variable-words.js'
import { readCount, readDuration, readOptions } from './arguments.js'
import { measured } from './check-probe.js'
import { jsonOf, reportOf } from './check-report.js'
import { loadApp, rehearsed } from './load-app.js'
import { routesFolder } from './routes-folder.js'
import { UsageError } from './usage-error.js'

const DEFAULT_ENV = '.env'
const DEFAULT_MAX_WAIT = '65s'

const HELP = `Usage: holdfast check [options] [app]

Reads an app's targets without serving: no port is opened, no onListen hook runs. Says which settings will be regretted, and where
one of front, server, gateway and backend gives up before the next does.

[app] is a module that exports a Fastify app, a function that builds one (buildApp), or a plugin as fastify-cli has it; or a script
that builds an app and listens. Its plugins are loaded and its onReady hooks run, as they would be. TypeScript needs a loader:
  node --import=tsx node_modules/holdfast/dist/src/cli/main.js check app.ts
Without [app], the microservice is checked, as holdfast serve would start it here: .env in this folder, and the environment.

  --env <file>                    that file in place of .env
  --routes <folder>               without [app]: the folder of route files that holdfast serve is given
  --front-idle <duration>         idle timeout of the load balancer in front
  --front-timeout <duration>      how long it waits for an answer
  --replicas <n>                  processes that run this app side by side (1)
  --backend-max-connections <n>   connections that one backend can bear, or one endpoint of a target
  --probe                         measure each backend, and judge the settings by that; some 1100 GETs go to each; the endpoints
                                  of one target are measured one after another
  --max-wait <duration>           with --probe: how long connections lie idle at most (${DEFAULT_MAX_WAIT})
  --ignore <id>[,<id>]            leave rules out; may be given again
  --strict                        warnings count as errors
  --json                          print JSON: { findings: [{ id, severity, target, found, why, remedy }], targets: [...] }
  --rules                         list the rules, and check nothing; with --markdown, docs/check.md
  -h, --help                      print this

A duration is 500ms, 60s, 2m, or a number of seconds.
Exit code: 0 nothing found, or warnings alone; 1 errors; 2 wrong usage, or an app that cannot be loaded.
`

interface Options {
  readonly app: string | undefined
  readonly env: string | undefined
  readonly routes: string | undefined
  readonly around: Surroundings
  /** How long a probe may take, in ms; undefined without one. */
  readonly maxWait: number | undefined
  readonly ignored: ReadonlySet<RuleId>
  readonly strict: boolean
  readonly json: boolean
}

/** `holdfast check`. */
export async function command (args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args)
  if (values.help === true) return await printed(HELP, 0)
  if (values.markdown === true && values.rules !== true) throw new UsageError('check: --markdown goes with --rules')
  if (values.rules === true) return await printed(values.markdown === true ? rulesAsMarkdown() : rulesAsText(), 0)
  return await check(optionsOf(values, positionals))
}

async function check ({ app, env, routes, around, maxWait, ignored, strict, json }: Options): Promise<number> {
  // A rehearsal sends what the app prints to stderr. The report still goes to stdout.
  const write = process.stdout.write.bind(process.stdout)
  const { gateways, words } = app === undefined
    ? await readMicroservice(env ?? DEFAULT_ENV, routes)
    : { gateways: await readApp(app), words: undefined }
  const checked = maxWait === undefined ? gateways : await measured(gateways, maxWait)
  const all = checked.flatMap(gateway => named(gateway, findingsOf(gateway, around), checked.length))
    .map(finding => words === undefined ? finding : { ...finding, remedy: finding.remedy + words(finding, checked[0]!) })
  const findings = all.filter(({ id }) => !ignored.has(id))
  await printed(json ? jsonOf(checked, findings) : reportOf(checked, findings, all.length - findings.length), 0, write)
  return findings.some(({ severity }) => strict || severity === 'error') ? 1 : 0
}

async function readApp (path: string): Promise<CheckedApp[]> {
  return gatewaysOf(path, await rehearsed(path, rehearsal => loadApp(path, rehearsal)))
}

/** The microservice, and what its variables have to do with a finding. */
interface Microservice {
  readonly gateways: CheckedApp[]
  /** What its variables have to do with a finding. */
  readonly words: (finding: Finding, app: CheckedApp) => string
}

async function readMicroservice (path: string, folder: string | undefined): Promise<Microservice> {
  const routes = folder === undefined ? undefined : await routesFolder('check', folder)
  if (!existsSync(path) && !process.env['UPSTREAMS'] && !await hasRouteFiles(routes ?? ROUTES)) {
    throw new UsageError('check: name an app, or set UPSTREAMS to check the microservice; holdfast check --help says more')
  }
  const { app, environment } = await rehearsed(path, async () => {
    // Other apps need none of the microservice's modules.
    const { buildApp } = await import('../service/app.js')
    try {
      // Otherwise the sample routes would be checked where there are no upstreams.
      const environment = { ...readEnvironment(process.env, path), production: true }
      loadDotEnv(path)
      return { app: await buildApp(environment, { logger: false, routes }), environment }
    } catch (error) {
      throw error instanceof EnvironmentError ? new UsageError(`check: ${error.message}`) : error
    }
  })
  return { gateways: gatewaysOf(path, [app]), words: (finding, checked) => variableWords(finding, checked, environment) }
}

function gatewaysOf (path: string, apps: readonly FastifyInstance[]): CheckedApp[] {
  if (apps.length === 0) throw new UsageError(`check: ${path} makes no Fastify app; export one, a function that builds one, or a plugin`)
  const gateways = apps.flatMap(app => {
    const state = existingState(app)
    return state === undefined ? [] : [{ app, state }]
  })
  if (gateways.length > 0) return gateways.map(({ app, state }, i) => checkedApp(`app ${i + 1}`, app, state))
  if (apps.some(app => app.printPlugins().includes('holdfast'))) {
    throw new UsageError(`check: ${path} has its gateway from another copy of holdfast; run the command of that copy: node_modules/.bin/holdfast check ${path}`)
  }
  throw new UsageError(`check: ${path} has no gateway; it registers neither gateway nor proxy of holdfast`)
}

function named ({ name }: CheckedApp, findings: readonly Finding[], apps: number): readonly Finding[] {
  return apps === 1 ? findings : findings.map(finding => ({ ...finding, target: `${name}: ${finding.target}` }))
}

async function printed (text: string, code: number, write: typeof process.stdout.write = process.stdout.write.bind(process.stdout)): Promise<number> {
  await new Promise<void>(resolve => { write(text, () => resolve()) })
  return code
}

type Values = ReturnType<typeof parse>['values']

function optionsOf (values: Values, [app, ...more]: readonly string[]): Options {
  if (more.length > 0) throw new UsageError(`check: one app at a time; ${JSON.stringify(more[0])} is a second one`)
  if (app !== undefined && values.env !== undefined) throw new UsageError('check: --env is for the microservice, and goes with no app')
  if (app !== undefined && values.routes !== undefined) {
    throw new UsageError('check: --routes is for the microservice, and goes with no app')
  }
  if (values.env !== undefined && !existsSync(values.env)) throw new UsageError(`check: --env: ${values.env}: there is no such file`)
  if (values['max-wait'] !== undefined && values.probe !== true) throw new UsageError('check: --max-wait goes with --probe')
  return {
    app,
    env: values.env,
    routes: values.routes,
    around: {
      frontIdle: duration('front-idle', values['front-idle']),
      frontTimeout: duration('front-timeout', values['front-timeout']),
      replicas: count('replicas', values.replicas) ?? 1,
      backendMaxConnections: count('backend-max-connections', values['backend-max-connections'])
    },
    maxWait: values.probe === true ? duration('max-wait', values['max-wait'] ?? DEFAULT_MAX_WAIT) : undefined,
    ignored: new Set((values.ignore ?? []).flatMap(list => list.split(',').map(id => ruleId(id.trim())))),
    strict: values.strict === true,
    json: values.json === true
  }
}

function parse (args: readonly string[]) {
  return readOptions('check', args, {
    env: { type: 'string' },
    routes: { type: 'string' },
    'front-idle': { type: 'string' },
    'front-timeout': { type: 'string' },
    replicas: { type: 'string' },
    'backend-max-connections': { type: 'string' },
    probe: { type: 'boolean' },
    'max-wait': { type: 'string' },
    ignore: { type: 'string', multiple: true },
    strict: { type: 'boolean' },
    json: { type: 'boolean' },
    rules: { type: 'boolean' },
    markdown: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' }
  })
}

function duration (option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : readDuration('check', option, text)
}

function count (option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : readCount('check', option, text)
}

function ruleId (text: string): RuleId {
  const rule = RULES.find(({ id }) => id === text)
  if (rule === undefined) throw new UsageError(`check: --ignore: ${JSON.stringify(text)} is no rule; holdfast check --rules lists them`)
  return rule.id
}
