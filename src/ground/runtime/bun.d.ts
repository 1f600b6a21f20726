/** The parts of Bun's own interface that we use; Node has none of them. */
declare module 'bun:ffi' {
  type Type = 'ptr' | 'int' | 'u32' | 'u64' | 'i64'
  type Signature = { readonly args: readonly Type[]; readonly returns: Type }
  type Call = (...args: (Uint8Array | number)[]) => number

  /** Throws if the library or one of the symbols is not found. */
  export function dlopen(
    library: string,
    symbols: Readonly<Record<string, Signature>>,
  ): { readonly symbols: Readonly<Record<string, Call>> }

  /** The text that ends in NUL at an address. */
  export const CString: new (address: number) => { toString(): string }

  /** The address of bytes, valid until they are freed. */
  export function ptr(bytes: Uint8Array): number

  /** Reads numbers at an address. */
  export const read: { i32(address: number): number }
}

interface BunSocket {
  readonly fd: number
  /** Returns how many bytes the kernel took; -1 if the connection is closed. */
  write(bytes: Buffer): number
  terminate(): void
}

interface BunSocketHandlers {
  open(socket: BunSocket): void
  data(socket: BunSocket, chunk: Buffer): void
  drain(socket: BunSocket): void
  end(socket: BunSocket): void
  close(socket: BunSocket, error?: Error): void
  error(socket: BunSocket, error: Error): void
  connectError(socket: BunSocket, error: Error): void
}

declare const Bun: {
  /** Makes a hash or, with a key, an HMAC; used as those of node:crypto. */
  readonly CryptoHasher: new (
    algorithm: string,
    key?: Buffer,
  ) => import('node:crypto').Hash & import('node:crypto').Hmac

  connect(
    options: ({ unix: string } | { hostname: string; port: number }) & {
      socket: BunSocketHandlers
    },
  ): Promise<BunSocket>
}
