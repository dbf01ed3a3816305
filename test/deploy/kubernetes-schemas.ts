import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { REPOSITORY } from '../../testing/program.js'
import type { Manifest } from './kubernetes.js'

type Model = new (data: object) => { validate (): void }

/** The modules that have the schemas of an API, for each `apiVersion` in deploy/. */
const MODULES: Readonly<Record<string, string>> = {
  v1: 'kubernetes-models/v1',
  'apps/v1': 'kubernetes-models/apps/v1',
  'policy/v1': 'kubernetes-models/policy/v1',
  'autoscaling/v2': 'kubernetes-models/autoscaling/v2',
  'networking.k8s.io/v1': 'kubernetes-models/networking.k8s.io/v1',
  'rbac.authorization.k8s.io/v1': 'kubernetes-models/rbac.authorization.k8s.io/v1',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
}

const nameOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`

/** What is wrong with objects by the schemas of Kubernetes and of the Prometheus Operator, in one line each. */
export async function faultsOf (manifests: readonly Manifest[]): Promise<string[]> {
  const known = manifests.filter(({ apiVersion }) => apiVersion in MODULES)
  const faults = manifests.filter(manifest => !known.includes(manifest)).map(manifest => `${nameOf(manifest)}: no schema is known for ${manifest.apiVersion}`)
  for (const manifest of known) {
    const models = await import(MODULES[manifest.apiVersion]!) as Record<string, Model>
    try {
      new models[manifest.kind]!(manifest).validate()
    } catch (error) {
      faults.push(`${nameOf(manifest)}: ${(error as Error).message}`)
    }
  }
  return [...faults, ...unknownFieldsOf(known)]
}

/**
 * The schemas allow fields that they do not name, as Kubernetes does for clients that are newer. So the objects are compiled as literals of
 * the types that belong to the schemas: TypeScript allows no field there that the type does not name.
 */
function unknownFieldsOf (manifests: readonly Manifest[]): string[] {
  mkdirSync(join(REPOSITORY, '.test-copies'), { recursive: true })
  // Below the repository, so that it finds its node_modules.
  const folder = mkdtempSync(join(REPOSITORY, '.test-copies', 'kubernetes-'))
  try {
    const file = join(folder, 'manifests.mts')
    writeFileSync(file, manifests.map((manifest, i) => {
      const type = `I${manifest.kind}`
      return `import type { ${type} as Type${i} } from '${MODULES[manifest.apiVersion]!}'; export const manifest${i}: Type${i} = ${JSON.stringify(manifest)}\n`
    }).join(''))
    const program = ts.createProgram([file], { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2023, strict: true, noEmit: true, skipLibCheck: true, types: [] })
    return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const line = file === undefined || start === undefined ? -1 : file.getLineAndCharacterOfPosition(start).line
      return `${manifests[line] === undefined ? 'manifests' : nameOf(manifests[line])}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
