// `npm run deploy:check`: what programs of others say of the files in deploy/. Without a program it says what it skips.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { REPOSITORY } from '../../testing/program.js'
import { RULES_FILE } from './alert-rules.js'
import { manifest, manifests } from './kubernetes.js'
import type { Manifest } from './kubernetes.js'
import { faultsOf } from './kubernetes-schemas.js'
import { promtoolTests } from './promtool-tests.js'
import { textOf, yamlOf } from './repository-files.js'
import { UNIT_FILE } from './systemd-unit.js'

// The highest exposure of the unit that systemd-analyze may find, in tenths: 0 is none. It finds 14.
const EXPOSURE = '20'

let failed = 0

function say (fault: string, name: string): void {
  if (fault !== '') failed++
  process.stdout.write(`${fault === '' ? 'ok' : 'not ok'} - ${name}\n${fault === '' ? '' : `${fault}\n`}`)
}

/** The output of a program; undefined where it is not installed. A status other than 0 makes it a fault. */
function output (program: string, ...args: string[]): { text: string, fault: string } | undefined {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: REPOSITORY, encoding: 'utf8' })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined
  return { text: stdout, fault: status === 0 ? '' : `${stdout}${stderr}` }
}

function check (name: string, program: string, ...args: string[]): void {
  const done = output(program, ...args)
  if (done === undefined) process.stdout.write(`ok - ${name} # SKIP ${program} is not installed\n`)
  else say(done.fault, name)
}

async function checkKubernetes (): Promise<void> {
  const wrong = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'wrong' }, spec: { portz: [] } }
  say((await faultsOf([wrong])).length === 1 ? '' : 'a field that does not exist was not found', 'a wrong manifest is found')
  say((await faultsOf(manifests())).join('\n'), 'the manifests are valid by the schemas of Kubernetes and the Prometheus Operator')
  for (const folder of ['base', 'overlays/example', 'overlays/example-backends']) {
    const name = `kustomize builds ${folder}, and what it makes is valid`
    const built = output('kubectl', 'kustomize', join('deploy/kubernetes', folder))
    if (built === undefined) process.stdout.write(`ok - ${name} # SKIP kubectl is not installed\n`)
    else say(built.fault || (await faultsOf(objectsIn(built.text))).join('\n'), name)
  }
  const name = 'kustomize binds the Role in the namespace of the backends to the service account in that of the gateway'
  const built = output('kubectl', 'kustomize', 'deploy/kubernetes/overlays/example-backends')
  if (built === undefined) process.stdout.write(`ok - ${name} # SKIP kubectl is not installed\n`)
  else say(built.fault || bindingFault(objectsIn(built.text)), name)
}

function objectsIn (text: string): Manifest[] {
  return parseAllDocuments(text).map(document => document.toJS() as Manifest)
}

function bindingFault (objects: Manifest[]): string {
  const { namespace } = yamlOf<{ namespace: string }>('deploy/kubernetes/overlays/example-backends/kustomization.yaml')
  const ofGateway = yamlOf<{ namespace: string }>('deploy/kubernetes/overlays/example/kustomization.yaml').namespace
  const { subjects } = manifest<unknown>('RoleBinding', 'holdfast-discovery', objects) as unknown as { subjects: [{ namespace: string }] }
  const elsewhere = objects.filter(({ metadata }) => metadata.namespace !== namespace).map(({ kind }) => `${kind} is not in ${namespace}`)
  return [...elsewhere, ...subjects[0].namespace === ofGateway ? [] : [`the subject is in ${subjects[0].namespace}`]].join('\n')
}

function checkPrometheus (): void {
  check('promtool reads the alert rules', 'promtool', 'check', 'rules', RULES_FILE)
  check('promtool reads the scrape configuration', 'promtool', 'check', 'config', '--syntax-only', 'deploy/prometheus/prometheus.yaml')
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-alerts-'))
  try {
    const file = join(folder, 'alerts.yaml')
    writeFileSync(file, promtoolTests())
    check('each alert fires when it should, and only then', 'promtool', 'test', 'rules', file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function checkSystemd (): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-unit-'))
  try {
    const file = join(folder, basename(UNIT_FILE))
    // systemd looks whether the program exists, and node may be elsewhere on this machine.
    writeFileSync(file, textOf(UNIT_FILE).replace('ExecStart=/usr/bin/node ', `ExecStart=${process.execPath} `))
    check('systemd reads the unit', 'systemd-analyze', 'verify', '--man=no', file)
    check('systemd finds the unit confined', 'systemd-analyze', 'security', '--offline=yes', `--threshold=${EXPOSURE}`, file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await checkKubernetes()
checkPrometheus()
checkSystemd()
process.exitCode = failed === 0 ? 0 : 1
