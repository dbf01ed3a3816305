import { readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import ts from 'typescript'

/** Names that a module exports, `default` excepted. */
export interface ExportedNames {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

export interface Declarations {
  /** Texts by their path from the folder of the build. */
  readonly files: ReadonlyMap<string, string>
  readonly names: ExportedNames
}

/** The declarations of a module, and of those modules alone that it leads to: nothing else of the package can be imported. */
export function declarationsOf (root: string, entry: string): Declarations {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), path => readFileSync(path, 'utf8')) as { config: unknown }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram([join(root, entry)], {
    ...options, noEmit: false, noCheck: true, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir: root
  })
  const all = new Map<string, string>()
  program.emit(undefined, (path, text) => all.set(relative(root, path).replaceAll('\\', '/'), text))
  return { files: reached(all, entry.replace(/ts$/, 'd.ts')), names: namesOf(program, join(root, entry)) }
}

function reached (all: ReadonlyMap<string, string>, entry: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  const follow = (path: string): void => {
    const text = all.get(path)
    if (text === undefined) throw new Error(`there are no declarations ${path}`)
    if (files.has(path)) return
    files.set(path, text)
    for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
      if (fileName.startsWith('.')) follow(posix.join(posix.dirname(path), fileName).replace(/js$/, 'd.ts'))
    }
  }
  follow(entry)
  return files
}

function namesOf (program: ts.Program, entry: string): ExportedNames {
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!
  const symbols = checker.getExportsOfModule(module).filter(({ name }) => name !== 'default')
  const isValue = (symbol: ts.Symbol): boolean => {
    const declared = (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol
    const asType = symbol.declarations?.some(node => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node))
    return (declared.flags & ts.SymbolFlags.Value) !== 0 && asType !== true
  }
  const namesIf = (value: boolean): string[] => symbols.filter(symbol => isValue(symbol) === value).map(({ name }) => name).sort()
  return { values: namesIf(true), types: namesIf(false) }
}
