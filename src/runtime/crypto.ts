import { isCompiled } from './compiled-program.ts'

export type Crypto = Pick<
  typeof import('node:crypto'),
  'createHash' | 'createHmac' | 'timingSafeEqual'
>

/** node:crypto, or what stands for it where that costs 2 ms of start-up: compiled. */
export async function loadCrypto(): Promise<Crypto> {
  return isCompiled ? ofBun : import('node:crypto')
}

const ofBun: Crypto = {
  createHash: (algorithm) => new Bun.CryptoHasher(algorithm),
  createHmac: (algorithm, key) => new Bun.CryptoHasher(algorithm, key as Buffer),
  timingSafeEqual: (a, b) =>
    (globalThis.crypto as unknown as Pick<Crypto, 'timingSafeEqual'>).timingSafeEqual(a, b),
}
