import { isCompiled } from './compiled-program.ts'

type NodeCrypto = typeof import('node:crypto')

/** The part of node:crypto that onescan uses. */
export type Crypto = Pick<NodeCrypto, 'createHash' | 'createHmac' | 'timingSafeEqual'>

/**
 * Loads node:crypto once, for callers that hash or sign. A compiled program uses Bun's own functions instead:
 * node:crypto loads all streams, which costs each standalone scan 1.3 ms.
 */
export function loadCrypto(): Promise<Crypto> {
  loading ??= isCompiled ? Promise.resolve(ofBun) : import('node:crypto')
  return loading
}

let loading: Promise<Crypto> | undefined

const ofBun: Crypto = {
  createHash: (algorithm) => new Bun.CryptoHasher(algorithm),
  createHmac: (algorithm, key) => new Bun.CryptoHasher(algorithm, key as Buffer),
  timingSafeEqual: (a, b) =>
    (globalThis.crypto as unknown as Pick<Crypto, 'timingSafeEqual'>).timingSafeEqual(a, b),
}
