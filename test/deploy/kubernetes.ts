import { yamlFilesIn, yamlOf } from './repository-files.js'

/** An object of Kubernetes, as a file or kustomize gives it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string, readonly namespace?: string, readonly labels?: Readonly<Record<string, string>> }
  readonly spec?: unknown
  readonly [field: string]: unknown
}

interface Probe { readonly httpGet: { readonly path: string, readonly port: string }, readonly periodSeconds: number, readonly failureThreshold: number }

/** What the tests read of the Deployment. */
export interface DeploymentSpec {
  readonly replicas: number
  readonly strategy: { readonly rollingUpdate: { readonly maxSurge: number, readonly maxUnavailable: number } }
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> }
    readonly spec: {
      readonly terminationGracePeriodSeconds: number
      readonly enableServiceLinks: boolean
      readonly automountServiceAccountToken: boolean
      readonly securityContext: object
      readonly containers: readonly [{
        readonly image: string
        readonly ports: readonly { readonly name: string, readonly containerPort: number }[]
        readonly startupProbe: Probe
        readonly livenessProbe: Probe
        readonly readinessProbe: Probe
        readonly resources: object
        readonly securityContext: object
        readonly volumeMounts: readonly { readonly name: string, readonly mountPath: string }[]
        readonly lifecycle?: unknown
      }]
      readonly volumes: readonly { readonly name: string, readonly secret: { readonly secretName: string } }[]
    }
  }
}

const FOLDER = 'deploy/kubernetes'

/** The objects in the folder's files: those that kustomize reads, without what it makes and changes. */
export function manifests (): Manifest[] {
  return yamlFilesIn(FOLDER).filter(path => !path.endsWith('kustomization.yaml')).map(path => yamlOf<Manifest>(path))
}

/** The one object of a kind and a name. */
export function manifest<Spec> (kind: string, name = 'holdfast', among = manifests()): Manifest & { readonly spec: Spec } {
  const found = among.filter(object => object.kind === kind && object.metadata.name === name)
  if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${name}`)
  return found[0] as Manifest & { readonly spec: Spec }
}
