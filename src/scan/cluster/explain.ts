import { isCurrent, type Key } from './keyring.ts'
import { isStampName, type Stamp, stampsIn } from './stamp.ts'
import {
  createHmacCheck,
  type HashedMessage,
  type HmacStamp,
  type VerifyOptions,
  verifyMd5,
} from './verify.ts'

/** The explanation of one header field with the name of a stamp. */
export interface StampExplanation {
  /** The name of the field as it is written. */
  readonly field: string
  /** The id of the key that made the stamp; undefined if no key of the keyring did. */
  readonly key: string | undefined
  /** The reason why the stamp does not hold; undefined if it holds. */
  readonly fault: string | undefined
  /** The scanners that the stamp names, and the time of the scan in unix seconds; an md5 stamp tells neither. */
  readonly claims: { readonly scanners: readonly string[]; readonly time: number } | undefined
}

/**
 * Explains every stamp of a well-formed message by itself, in the order of the header, to people who ask
 * why. Makes the checks of verifyStamps(), without its limit of candidates.
 */
export function explainStamps(
  message: Pick<HashedMessage, 'header' | 'digests'>,
  options: VerifyOptions,
): StampExplanation[] {
  const { header } = message
  const stamps = new Map(stampsIn(header).map((stamp) => [stamp.field, stamp]))
  const hmacFault = createHmacCheck(message, options)
  const explanations: StampExplanation[] = []
  for (const [index, { name }] of header.fields.entries()) {
    if (!isStampName(name)) continue
    const stamp = stamps.get(index)
    const proof =
      stamp === undefined
        ? fault('its value is not that of a stamp')
        : stamp.scheme === 'md5'
          ? explainMd5(message, stamp, options)
          : explainHmac(stamp, options, hmacFault)
    explanations.push({ field: name, ...proof })
  }
  return explanations
}

type StampProof = Omit<StampExplanation, 'field'>

function explainMd5(
  message: Pick<HashedMessage, 'digests'>,
  stamp: Stamp,
  { keys, now, crypto }: VerifyOptions,
): StampProof {
  const key = verifyMd5(message, [stamp], keys, crypto)
  if (key !== undefined) {
    return { key: key.id, fault: expired(key, now), claims: undefined }
  }
  const some = keys.some(({ scheme }) => scheme === 'md5')
  return fault(some ? 'no md5 key of the ring made it over this body' : 'no md5 key in the ring')
}

function explainHmac(
  stamp: HmacStamp,
  { keys, now }: VerifyOptions,
  hmacFault: ReturnType<typeof createHmacCheck>,
): StampProof {
  const { k, t, s } = stamp.claims
  const claims = { scanners: s.split(',').filter((name) => name !== ''), time: Number(t) }
  const key = keys.find(({ scheme, id }) => scheme === 'hmac-sha256' && id === k)
  if (key === undefined) return { ...fault(`no key ${k} in the ring`), claims }
  return { key: k, fault: expired(key, now) ?? hmacFault(stamp, key), claims }
}

function expired(key: Key, now: number): string | undefined {
  return isCurrent(key, now) ? undefined : `the key is past its date, ${key.until}`
}

function fault(text: string): StampProof {
  return { key: undefined, fault: text, claims: undefined }
}
