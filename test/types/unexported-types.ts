import { join } from 'node:path'
import ts from 'typescript'
import { REPOSITORY } from '../../testing/program.js'

const SELECTIONS = ['Omit', 'Pick']

/**
 * Types of the code that the exports of a module mention and that the module does not export, as `Type in Export`. A user who is given a
 * value of such a type cannot write it down. What a type is composed of is not counted: its members are the user's, not its parts.
 */
export function unexportedTypes (module: string): string[] {
  const { config } = ts.readConfigFile(join(REPOSITORY, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, REPOSITORY)
  const program = ts.createProgram([join(REPOSITORY, module)], options)
  const checker = program.getTypeChecker()
  const declared = (symbol: ts.Symbol): ts.Symbol => (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(join(REPOSITORY, module))!)!)
  const exported = new Set(symbols.map(declared))
  const found = new Set<string>()
  for (const { name, declarations = [] } of symbols.map(declared)) {
    for (const declaration of declarations.filter(isOurs)) look(declaration, name)
  }
  return [...found].sort()

  function look (node: ts.Node, where: string): void {
    if (ts.isBlock(node) || ts.isHeritageClause(node) || isPrivate(node)) return
    if (ts.isTypeReferenceNode(node)) {
      const type = checker.getSymbolAtLocation(node.typeName)
      const symbol = type === undefined ? undefined : declared(type)
      const ours = symbol?.declarations?.slice(0, 1).some(isOurs) === true && (symbol.flags & ts.SymbolFlags.TypeParameter) === 0
      if (ours && !exported.has(symbol)) found.add(`${symbol.name} in ${where}`)
      // Names of members that are left out or picked.
      if (SELECTIONS.includes(node.typeName.getText())) return look(node.typeArguments![0]!, where)
    }
    ts.forEachChild(node, child => look(child, where))
  }
}

function isOurs (node: ts.Node): boolean {
  const { fileName } = node.getSourceFile()
  return fileName.startsWith(REPOSITORY) && !fileName.includes('node_modules')
}

function isPrivate (node: ts.Node): boolean {
  const { name } = node as ts.NamedDeclaration
  const hidden = ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true
  return hidden || ts.isConstructorDeclaration(node) || (name !== undefined && ts.isPrivateIdentifier(name))
}
