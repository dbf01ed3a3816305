import type { CorpusCase } from './case.js'
import { llhttp } from './llhttp.js'
import { rfc9112 } from './rfc9112.js'
import { rules } from './rules.js'

export const corpus: readonly CorpusCase[] = [...llhttp, ...rfc9112, ...rules]
