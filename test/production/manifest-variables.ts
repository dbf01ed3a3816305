import { parseEnv } from 'node:util'
import { compose } from '../deploy/compose.js'
import { manifest } from '../deploy/kubernetes.js'
import type { DeploymentSpec } from '../deploy/kubernetes.js'
import { textOf } from '../deploy/repository-files.js'
import { unitSettings } from '../deploy/systemd-unit.js'

/** The variables that a manifest gives the microservice, and how long it waits after SIGTERM before it kills the process, in ms. */
export interface Deployed { readonly variables: Readonly<Record<string, string>>, readonly grace: number }

const seconds = (text: string): number => Number(/^(\d+)s?$/.exec(text)![1]) * 1_000

/** By the name of the manifest. Upstreams are given where a manifest has none of its own. */
export function deployments (): Readonly<Record<string, Deployed>> {
  const gateway = compose().services['gateway']!
  const unit = unitSettings()
  return {
    'compose.yaml': { variables: gateway.environment!, grace: seconds(gateway.stop_grace_period!) },
    kubernetes: {
      variables: { ...parseEnv(textOf('deploy/kubernetes/base/gateway.env')) as Record<string, string>, UPSTREAMS: '/=http://web.web' },
      grace: manifest<DeploymentSpec>('Deployment').spec.template.spec.terminationGracePeriodSeconds * 1_000
    },
    'holdfast.service': {
      variables: { ...Object.fromEntries(unit.get('Environment')!.map(line => line.split('='))), UPSTREAMS: '/=http://web.internal' },
      grace: seconds(unit.get('TimeoutStopSec')![0]!)
    }
  }
}

/** UPSTREAMS with each origin replaced. */
export function upstreamsTo (origin: string, upstreams: string): string {
  return upstreams.split(',').map(entry => `${entry.slice(0, entry.indexOf('='))}=${origin}`).join(',')
}
