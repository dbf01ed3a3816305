import { yamlOf } from './repository-files.js'

/** A service, as compose.yaml describes it. */
export interface ComposeService {
  readonly image: string
  readonly build?: { readonly context: string, readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck: { readonly test: readonly string[] }
  readonly stop_grace_period?: string
  readonly read_only: boolean
  readonly cap_drop: readonly string[]
  readonly security_opt: readonly string[]
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

/** deploy/compose.yaml. */
export function compose (): Compose {
  return yamlOf<Compose>('deploy/compose.yaml')
}
