import { LimitExceeded } from './limits.ts'
import { type MemoryPool, Store } from './store.ts'

const OCTET_STRING = 0x04
const CONSTRUCTED = 0x20
const SEQUENCE = 0x30
/** The first bytes of the identifiers of all objects of PKCS #7 (1.2.840.113549.1.7). */
const PKCS7 = Buffer.from('06092a864886f70d0107', 'hex')
/** The bytes at the front that must contain such an identifier. */
const FRONT = 64

/**
 * Returns the content that a signature encloses (RFC 5652 SignedData, which S/MIME sends as
 * smime.p7m), in any encoding of BER; undefined if the bytes are no signature. A signer may cut the
 * content into pieces, in which no scanner could read base64. Other octet strings, as those of
 * certificates, may follow the content. The caller closes the store.
 */
export function signedContent(chunks: () => Iterable<Buffer>, pool: MemoryPool): Store | undefined {
  if (!isPkcs7(chunks())) return undefined
  const store = new Store(pool)
  let header: number[] = [] // of the element that begins
  let left = 0 // bytes of a primitive element
  let isContent = false
  for (const chunk of chunks()) {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const end = Math.min(chunk.length, at + left)
        if (isContent) store.append(chunk.subarray(at, end))
        left -= end - at
        at = end
        continue
      }
      header.push(chunk[at++]!)
      const length = lengthOf(header)
      if (length === 'unknown') {
        store.close()
        throw new LimitExceeded('a signature (S/MIME) whose lengths cannot be read')
      }
      if (length === 'more') continue
      const [tag = 0] = header
      if ((tag & CONSTRUCTED) === 0) left = length
      isContent = tag === OCTET_STRING
      header = []
    }
  }
  return filled(store)
}

function filled(store: Store): Store | undefined {
  if (store.size > 0) return store
  store.close()
  return undefined
}

function isPkcs7(chunks: Iterable<Buffer>): boolean {
  let front: Buffer = Buffer.alloc(0)
  for (const chunk of chunks) {
    front = Buffer.concat([front, chunk.subarray(0, FRONT - front.length)])
    if (front[0] !== SEQUENCE) return false
    if (front.length === FRONT) break
  }
  return front.includes(PKCS7)
}

/**
 * Returns the length of an element, from its tag and length bytes (X.690 8.1.3); 0 for an indefinite
 * length.
 */
function lengthOf(header: readonly number[]): number | 'more' | 'unknown' {
  const [tag = 0, first, ...rest] = header
  if ((tag & 0x1f) === 0x1f) return 'unknown' // a long tag, which PKCS #7 does not use
  if (first === undefined) return 'more'
  if (first <= 0x80) return first & 0x7f
  const count = first & 0x7f
  if (count > 6) return 'unknown'
  if (rest.length < count) return 'more'
  return rest.reduce((sum, byte) => sum * 256 + byte, 0)
}
