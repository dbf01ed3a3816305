import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { REPOSITORY } from '../../testing/program.js'

/** What an editor shows of one name that a user of the package can write. */
export interface Hover {
  /** `Target`, or `TargetSnapshot.connections.idle`. */
  readonly name: string
  /** The file that declares it, from the root of the repository. */
  readonly file: string
  readonly text: string
  readonly tags: ReadonlyMap<string, string>
  readonly optional: boolean
  /** As it is written; '' for what has none, as a class. */
  readonly type: string
}

/** The hovers of all that a module exports, and of their members, as far as the repository itself declares them. */
export function hoversOf (module: string): Hover[] {
  const service = ts.createLanguageService(languageHost([join(REPOSITORY, module)]))
  const program = service.getProgram()!
  const checker = program.getTypeChecker()
  const hovers: Hover[] = []
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(join(REPOSITORY, module))!)!)
  for (const symbol of exported) {
    const declared = (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol
    for (const declaration of declared.declarations ?? []) look(declaration, symbol.name)
  }
  service.dispose()
  return hovers

  function look (node: ts.Node, name: string): void {
    const { fileName } = node.getSourceFile()
    const file = relative(REPOSITORY, fileName)
    if (file.startsWith('..') || file.includes('node_modules')) return
    const named = (node as ts.NamedDeclaration).name
    if (named === undefined || ts.isPrivateIdentifier(named) || isPrivate(node)) return
    const info = service.getQuickInfoAtPosition(fileName, named.getStart())
    hovers.push({
      name,
      file,
      text: ts.displayPartsToString(info?.documentation),
      tags: new Map((info?.tags ?? []).map(({ name, text }) => [name, ts.displayPartsToString(text)])),
      optional: (node as ts.PropertySignature).questionToken !== undefined,
      type: (node as ts.PropertySignature).type?.getText() ?? ''
    })
    for (const member of membersOf(node)) look(member, `${name}.${(member.name as ts.Identifier | undefined)?.text ?? ''}`)
  }
}

function membersOf (node: ts.Node): readonly ts.NamedDeclaration[] {
  if (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node)) return node.members
  const literals: ts.NamedDeclaration[] = []
  const type = ts.isTypeAliasDeclaration(node) || ts.isPropertySignature(node) ? node.type : undefined
  type?.forEachChild(function find (child): void {
    if (ts.isTypeLiteralNode(child)) literals.push(...child.members)
    else if (ts.isIntersectionTypeNode(child) || ts.isUnionTypeNode(child)) child.forEachChild(find)
  })
  return type !== undefined && ts.isTypeLiteralNode(type) ? type.members : literals
}

function isPrivate (node: ts.Node): boolean {
  return ts.isConstructorDeclaration(node) || (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true)
}

function languageHost (files: string[]): ts.LanguageServiceHost {
  const config = ts.parseJsonConfigFileContent(ts.readConfigFile(join(REPOSITORY, 'tsconfig.json'), ts.sys.readFile).config, ts.sys, REPOSITORY)
  return {
    getScriptFileNames: () => files,
    getScriptVersion: () => '1',
    getScriptSnapshot: name => ts.sys.fileExists(name) ? ts.ScriptSnapshot.fromString(readFileSync(name, 'utf8')) : undefined,
    getCurrentDirectory: () => REPOSITORY,
    getCompilationSettings: () => config.options,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories
  }
}
