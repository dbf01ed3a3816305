import { relative } from 'node:path'
import ts from 'typescript'

/** The code cannot be compiled. The message is for a person. */
export class BuildError extends Error {
  override name = 'BuildError'
}

const OPTIONS: ts.CompilerOptions = { target: ts.ScriptTarget.ES2023, isolatedModules: true, allowJs: true }
// By the extension, or else CommonJS: the compiler sees one file, and no package.json.
const AS_NODE: ts.CompilerOptions = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }
const AS_ESM: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, verbatimModuleSyntax: true
}
// Names of a module's own place, in ESM and in CommonJS.
const PLACES: Readonly<Record<string, string>> = { dirname: '__dirname', filename: '__filename' }

/**
 * A module of the sources as CommonJS. `import()` stays what it is, and loads ESM too. Each export is a property of `exports`, and not a
 * getter: each request uses many.
 */
export function compileToCommonJs (path: string, text: string): string {
  const code = compile(path, text, AS_NODE, [placesOfCommonJs])
  if (/\bimport\.meta\b/.test(code)) {
    throw new BuildError(`${relative('.', path)}: of import.meta, only dirname and filename have a counterpart in CommonJS`)
  }
  return code
}

/** A module as ESM, unless its extension says CommonJS. */
export function compileToEsm (path: string, text: string): string {
  if (/\.[cm]?js$/.test(path)) return text
  return compile(path, text, path.endsWith('.cts') ? AS_NODE : AS_ESM, [])
}

function compile (path: string, text: string, options: ts.CompilerOptions, before: ts.TransformerFactory<ts.SourceFile>[]): string {
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    fileName: path, compilerOptions: { ...OPTIONS, ...options }, transformers: { before }, reportDiagnostics: true
  })
  if (diagnostics.length > 0) {
    const host = { getCanonicalFileName: (name: string) => name, getCurrentDirectory: () => process.cwd(), getNewLine: () => '\n' }
    throw new BuildError(ts.formatDiagnostics(diagnostics, host).trim())
  }
  return outputText
}

/** `import.meta.dirname` and `.filename` become the names of CommonJS, and `createRequire(import.meta.filename)` its `require`. */
function placesOfCommonJs (context: ts.TransformationContext): (file: ts.SourceFile) => ts.SourceFile {
  const { factory } = context
  const visit = (node: ts.Node): ts.Node => {
    if (isRequireOfItsOwn(node)) return factory.createIdentifier('require')
    const place = placeOf(node)
    return place === undefined ? ts.visitEachChild(node, visit, context) : factory.createIdentifier(place)
  }
  return file => ts.visitEachChild(file, visit, context)
}

function isRequireOfItsOwn (node: ts.Node): boolean {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return false
  return node.expression.text === 'createRequire' && placeOf(node.arguments[0]) === '__filename'
}

function placeOf (node: ts.Node | undefined): string | undefined {
  if (node === undefined || !ts.isPropertyAccessExpression(node) || !ts.isMetaProperty(node.expression)) return undefined
  return PLACES[node.name.text]
}
