import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../support/program.js'

/** A page of the documentation. Its name is its path from the repository's root. */
export interface Document { readonly name: string, readonly text: string }

/** README.md and the pages of docs/, decisions excepted. */
export function userDocuments (): Document[] {
  return ['README.md', ...pagesIn('docs')].map(readDocument)
}

/** Every page that has links. */
export function allDocuments (): Document[] {
  return [...pagesIn('.'), ...pagesIn('docs'), ...pagesIn('docs/adr'), ...pagesIn('bench')].map(readDocument)
}

function pagesIn (folder: string): string[] {
  return readdirSync(join(REPOSITORY, folder)).filter(name => name.endsWith('.md')).map(name => join(folder, name)).sort()
}

function readDocument (name: string): Document {
  return { name, text: readFileSync(join(REPOSITORY, name), 'utf8') }
}

/** The text without its fenced blocks, as many lines as before. */
export function withoutFences (text: string): string {
  return text.replace(/^```[^\n]*\n.*?^```$/gms, block => '\n'.repeat(block.split('\n').length - 1))
}
