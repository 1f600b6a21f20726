/** The parts of Bun's own API that onescan uses. Node has none of them. */
interface BunSocket {
  readonly fd: number
  /** Returns the number of bytes that the kernel accepted, or -1 if the connection is closed. */
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
  /** Creates a hash or, with a key, an HMAC; used like those of node:crypto. */
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
