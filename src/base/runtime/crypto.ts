import type { KeyObject } from 'node:crypto'
import { isCompiled } from './compiled-program.ts'

type NodeCrypto = typeof import('node:crypto')

/** The part of node:crypto that onescan uses. */
export type Crypto = Pick<NodeCrypto, 'createHash' | 'createHmac' | 'timingSafeEqual'>

/**
 * Loads node:crypto once, for callers that hash or sign. A compiled program uses Bun's own functions instead:
 * node:crypto loads all streams, which costs each standalone scan 1.3 ms.
 */
export function loadCrypto(): Promise<Crypto> {
  loading ??= isCompiled ? Promise.resolve(ofBun) : import('node:crypto').then(withKeysReady)
  return loading
}

let loading: Promise<Crypto> | undefined

const ofBun: Crypto = {
  createHash: (algorithm) => new Bun.CryptoHasher(algorithm),
  createHmac: (algorithm, key) => new Bun.CryptoHasher(algorithm, key as Buffer),
  timingSafeEqual: (a, b) =>
    (globalThis.crypto as unknown as Pick<Crypto, 'timingSafeEqual'>).timingSafeEqual(a, b),
}

/**
 * Wraps node:crypto for programs that sign many messages with the same few secrets, in buffers that never
 * change. Makes one KeyObject of each secret: otherwise Node 24 needs 10 µs for each HMAC to find out that a
 * buffer is not a KeyObject.
 */
function withKeysReady(crypto: NodeCrypto): Crypto {
  const { createHash, createHmac, createSecretKey, timingSafeEqual } = crypto
  const ready = new WeakMap<Buffer, KeyObject>()
  function keyOf(secret: Buffer): KeyObject {
    let key = ready.get(secret)
    if (key === undefined) {
      key = createSecretKey(secret)
      ready.set(secret, key)
    }
    return key
  }
  return {
    createHash,
    createHmac: (algorithm, secret) => createHmac(algorithm, keyOf(secret as Buffer)),
    timingSafeEqual,
  }
}
