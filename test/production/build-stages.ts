import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Stage, Step } from '../deploy/dockerfile.js'

/** What the last stage leaves: the folder that stands for the image's root, and its settings. */
export interface Image {
  readonly root: string
  readonly workdir: string
  readonly env: Readonly<Record<string, string>>
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthCheck: readonly string[]
}

// Instructions that change no file and no setting that is used here.
const NOTED = ['ARG', 'LABEL', 'USER', 'EXPOSE', 'STOPSIGNAL']

/**
 * Runs the steps of the stages one by one, each stage in a folder of its own that stands for its root. There is no base image: a command
 * runs with the programs of this machine. So commands may use no absolute paths.
 *
 * @param context the folder that COPY takes files from
 */
export function buildStages (stages: readonly Stage[], context: string, scratch: string): Image {
  const roots = new Map<string, string>()
  let image: Image | undefined
  for (const [i, stage] of stages.entries()) {
    const root = join(scratch, stage.name ?? `stage-${i}`)
    if (stage.name !== undefined) roots.set(stage.name, root)
    image = buildStage(stage, root, from => from === undefined ? context : roots.get(from))
  }
  if (image === undefined) throw new Error('the Dockerfile has no stage')
  return image
}

function buildStage (stage: Stage, root: string, rootOf: (from: string | undefined) => string | undefined): Image {
  let workdir = '/'
  const env: Record<string, string> = {}
  let entrypoint: readonly string[] = []
  let command: readonly string[] = []
  let healthCheck: readonly string[] = []
  for (const step of stage.steps) {
    const { keyword, words } = step
    if (keyword === 'WORKDIR') {
      workdir = words[0]!
      mkdirSync(join(root, workdir), { recursive: true })
    } else if (keyword === 'COPY') copy(step, join(root, workdir), rootOf(step.from))
    else if (keyword === 'RUN') run(step, join(root, workdir), env)
    else if (keyword === 'ENV') Object.assign(env, step.values)
    else if (keyword === 'ENTRYPOINT') entrypoint = words
    else if (keyword === 'CMD') command = words
    else if (keyword === 'HEALTHCHECK') healthCheck = words
    else if (!NOTED.includes(keyword)) throw new Error(`${keyword} is not known here`)
  }
  return { root, workdir, env, entrypoint, command, healthCheck }
}

function copy ({ words, from }: Step, workdir: string, root: string | undefined): void {
  if (root === undefined) throw new Error(`there is no stage ${from}`)
  const sources = words.slice(0, -1)
  const to = words.at(-1)!
  for (const source of sources) {
    // The contents of a folder, and a file into a folder whose name ends with a slash.
    const target = join(workdir, to, to.endsWith('/') ? basename(source) : '')
    cpSync(join(root, source), target, { recursive: true, verbatimSymlinks: true })
  }
}

function run ({ words, exec }: Step, workdir: string, env: Readonly<Record<string, string>>): void {
  const [program, ...args] = exec ? words : ['sh', '-c', words[0]!]
  process.stdout.write(`RUN ${words.join(' ')}\n`)
  const { PATH, HOME } = process.env
  const { status } = spawnSync(program!, args, { cwd: workdir, env: { PATH, HOME, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`RUN ${words.join(' ')} failed with ${status}`)
}
