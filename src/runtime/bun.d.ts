/** What we use of Bun's own; there is nothing of it on Node. */
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

/** Hashes and, with a key, HMACs; used as those of node:crypto are. */
declare const Bun: {
  readonly CryptoHasher: new (
    algorithm: string,
    key?: Buffer,
  ) => import('node:crypto').Hash & import('node:crypto').Hmac
}
