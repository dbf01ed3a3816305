declare module 'undici/lib/llhttp/llhttp_simd-wasm.js' {
  const build: Buffer
  export default build
}

declare module 'undici/lib/llhttp/llhttp-wasm.js' {
  const build: Buffer
  export default build
}

// The types of Node 20 do not declare WebAssembly.
declare namespace WebAssembly {
  class Module { constructor (bytes: Uint8Array) }
  class Instance {
    constructor (module: Module, imports: Record<string, Record<string, (...values: number[]) => number>>)
    readonly exports: unknown
  }
}
