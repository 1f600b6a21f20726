/** What we use of Bun's own module; there is none on Node. */
declare module 'bun:ffi' {
  type Type = 'ptr' | 'int'
  type Signature = { readonly args: readonly Type[]; readonly returns: Type }
  type Call = (...args: (Uint8Array | number)[]) => number

  /** Throws where the library or one of the symbols is not found. */
  export function dlopen(
    library: string,
    symbols: Readonly<Record<string, Signature>>,
  ): { readonly symbols: Readonly<Record<string, Call>> }
}
