import { Copy, DockerfileParser, Env, Label } from 'dockerfile-ast'
import type { Instruction, JSONInstruction, Property } from 'dockerfile-ast'
import { textOf } from './repository-files.js'

/** An instruction of a stage. `words` are the arguments: those of a JSON form, or those of the text as one, or of COPY apart. */
export interface Step {
  readonly keyword: string
  readonly words: readonly string[]
  /** Whether its command is given in JSON, and so runs without a shell. */
  readonly exec: boolean
  /** The stage that COPY takes files from; undefined for the build's context. */
  readonly from: string | undefined
  /** Names and values of ENV and LABEL. */
  readonly values: Readonly<Record<string, string>>
}

export interface Stage {
  readonly name: string | undefined
  readonly image: string
  readonly steps: readonly Step[]
}

export const DOCKERFILE = 'deploy/Dockerfile'

/** The stages of deploy/Dockerfile, in order. The last one is the image. */
export function stages (): Stage[] {
  const found: { name: string | undefined, image: string, steps: Step[] }[] = []
  for (const instruction of DockerfileParser.parse(textOf(DOCKERFILE)).getInstructions()) {
    const keyword = instruction.getKeyword()
    if (keyword === 'FROM') {
      const [image = '', , name] = instruction.getArguments().map(argument => argument.getValue())
      found.push({ name, image, steps: [] })
    } else found.at(-1)!.steps.push(stepOf(keyword, instruction))
  }
  return found
}

function stepOf (keyword: string, instruction: Instruction): Step {
  const json = (instruction as Partial<JSONInstruction>).getJSONStrings?.().map(word => word.getJSONValue()) ?? []
  if (keyword === 'HEALTHCHECK') json.push(...JSON.parse(/\bCMD (\[.*\])$/.exec(instruction.getRawArgumentsContent() ?? '')?.[1] ?? '[]') as string[])
  const words = json.length > 0 ? json : instruction.getArguments().map(argument => argument.getValue())
  return {
    keyword,
    words: keyword === 'RUN' && json.length === 0 ? [instruction.getRawArgumentsContent() ?? ''] : words.filter(word => !word.startsWith('--')),
    exec: json.length > 0,
    from: instruction instanceof Copy ? instruction.getFromFlag()?.getValue() ?? undefined : undefined,
    values: instruction instanceof Env || instruction instanceof Label ? valuesOf(instruction.getProperties()) : {}
  }
}

function valuesOf (properties: readonly Property[]): Record<string, string> {
  return Object.fromEntries(properties.map(property => [property.getName(), property.getValue() ?? '']))
}

/** All instructions of a kind in a stage. */
export function stepsOf ({ steps }: Stage, keyword: string): Step[] {
  return steps.filter(step => step.keyword === keyword)
}
