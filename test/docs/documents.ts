import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../testing/program.js'

/** A page of the documentation. Its name is its path from the repository's root. */
export interface Document { readonly name: string, readonly text: string }

/** README.md and the pages of docs/, decisions excepted. */
export function userDocuments (): Document[] {
  return ['README.md', ...pagesIn('docs')].map(readDocument)
}

/** Every page that has links. */
export function allDocuments (): Document[] {
  const folders = readdirSync(join(REPOSITORY, 'bench'), { withFileTypes: true }).filter(entry => entry.isDirectory())
  return ['.', 'docs', 'docs/adr', 'deploy', 'bench', ...folders.map(({ name }) => join('bench', name))].flatMap(pagesIn).map(readDocument)
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
