import type { Crypto } from '../../../base/runtime/crypto.ts'
import { formatDuration } from '../../../base/text/units.ts'
import type { DigestsWanted } from '../../../mail/message/canonical-body.ts'
import { FREE_MAX, MAIL_LINE_MAX, whyBound } from '../../../mail/message/content-fields.ts'
import { HEADER_MAX, type Header } from '../../../mail/message/header-block.ts'
import type { CanonicalMessage, Message } from '../../../mail/message/message.ts'
import { BoundFields, isBound, isOfRelease } from './bound-fields.ts'
import { isCurrent, type Key, type Scheme } from './keyring.ts'
import { isStampName, md5Stamp, type Stamp, stampMac, stampName, stampsIn } from './stamp.ts'

/** Upper limit for the hmac-sha256 stamps of known keys that are verified in one message. */
const CANDIDATES_MAX = 16
/**
 * Upper limit, in bytes, for the fields hashed for all of them together: those of the largest header, twice.
 */
const HASHED_MAX = 2 * HEADER_MAX
/** Seconds by which the clock of another host may be ahead. */
export const FUTURE_MAX_SECONDS = 300

/** The reason why most mail is not trusted. */
export const NO_STAMP = 'no stamp'

/** The parts of a message that stamps cover: its header, and the digests of its body. */
export type HashedMessage = Pick<Message, 'header' | 'canonical'>

/** The result of verifying the stamps of a message. */
export type Trust =
  | {
      readonly isTrusted: true
      /** The id of the key of the first stamp that holds. */
      readonly key: string
      /**
       * For each valid stamp, the words of its `s=`, which are the statement of one host. An md5 stamp covers
       * all scanners.
       */
      readonly scanners: 'all' | readonly ReadonlySet<string>[]
      /**
       * The index of the stamp whose MAC covers the fields below it, or undefined for md5, which covers none.
       */
      readonly stamp: number | undefined
    }
  | { readonly isTrusted: false; readonly reason: string }

export interface VerifyOptions {
  readonly keys: readonly Key[]
  /** Seconds. */
  readonly maxAgeSeconds: number
  /** Unix seconds. */
  readonly now: number
  /**
   * Returns the time, unix seconds, from which on a stamp is as good as a scan with the signatures of this
   * host, or undefined if that time is not known.
   */
  readonly signatureDate: () => number | undefined
  readonly crypto: Crypto
}

type HmacStamp = Extract<Stamp, { scheme: 'hmac-sha256' }>
/**
 * Returns whether a key of the keyring signed this message (stamp-format.md). The message must have been hashed with
 * these keys' algorithms (digestsFor).
 */
export function verifyStamps(message: HashedMessage, options: VerifyOptions): Trust {
  const { fault } = message.canonical
  if (fault !== undefined) return { isTrusted: false, reason: `not well formed: ${fault}` }
  const stamps = stampsIn(message.header)
  if (stamps.length === 0) return { isTrusted: false, reason: NO_STAMP }
  const keys = options.keys.filter((key) => isCurrent(key, options.now))

  const md5 = verifyMd5(message.canonical, stamps, keys, options.crypto)
  if (md5 !== undefined) return { isTrusted: true, key: md5.id, scanners: 'all', stamp: undefined }
  return verifyHmac(message, stamps, keys, options)
}

/** Returns the key that made one of the md5 stamps, or undefined if none did. */
function verifyMd5(
  { digests }: CanonicalMessage,
  stamps: readonly Stamp[],
  keys: readonly Key[],
  crypto: Crypto,
): Key | undefined {
  const state = digests.md5
  const given = stamps.filter((stamp) => stamp.scheme === 'md5')
  if (state === undefined || given.length === 0) return undefined
  return keys.find((key) => {
    if (key.scheme !== 'md5') return false
    const expected = Buffer.from(md5Stamp(state, key.secret), 'latin1')
    return given.some(({ hex }) => crypto.timingSafeEqual(Buffer.from(hex, 'latin1'), expected))
  })
}

function verifyHmac(
  message: HashedMessage,
  stamps: readonly Stamp[],
  keys: readonly Key[],
  options: VerifyOptions,
): Trust {
  const keysById = new Map<string, Key>()
  for (const key of keys) if (key.scheme === 'hmac-sha256') keysById.set(key.id, key)
  const ofRing = stamps.filter(
    (stamp): stamp is HmacStamp => stamp.scheme === 'hmac-sha256' && keysById.has(stamp.claims.k),
  )
  if (ofRing.length === 0) return { isTrusted: false, reason: 'no stamp of a key in the keyring' }

  const bound = new BoundFields(message.header)
  const faultOf = createHmacCheck(message, bound, options)
  const scanners: ReadonlySet<string>[] = []
  let first: HmacStamp | undefined
  let reason = ''
  for (const stamp of candidatesOf(ofRing, bound)) {
    const key = keysById.get(stamp.claims.k)
    if (key === undefined) continue
    const fault = faultOf(stamp, key)
    if (fault !== undefined) {
      reason ||= `key ${stamp.claims.k}: ${fault}`
      continue
    }
    first ??= stamp
    // A release makes no statement about scanners, and a stamp of scanners makes none about a release.
    const isRelease = releases(stamp, key)
    const words = stamp.claims.s.split(',')
    scanners.push(new Set(words.filter((word) => word.startsWith('!') === isRelease)))
  }
  if (first === undefined) return { isTrusted: false, reason }
  return { isTrusted: true, key: first.claims.k, scanners, stamp: first.field }
}

/** The first of these stamps: no more than are verified. */
function candidatesOf(stamps: readonly HmacStamp[], bound: BoundFields): readonly HmacStamp[] {
  let bytes = 0
  return stamps.slice(0, CANDIDATES_MAX).filter(({ field }) => {
    bytes += bound.lengthFrom(field)
    return bytes <= HASHED_MAX
  })
}

/**
 * Returns a check for stamps of this message. The check returns why a stamp is invalid under a key, or
 * undefined. The MAC is verified first: any sender can forge the rest, and reading the uncovered fields takes
 * longest.
 */
function createHmacCheck(
  { header, canonical: { digests } }: HashedMessage,
  bound: BoundFields,
  options: VerifyOptions,
): (stamp: HmacStamp, key: Key) => string | undefined {
  const { crypto } = options
  let boundInRelease: BoundFields | undefined
  const digestFor = ({ claims, field }: HmacStamp) => {
    if (!isOfRelease(claims)) return bound.digestFrom(crypto, field)
    boundInRelease ??= new BoundFields(header, true)
    return boundInRelease.digestFrom(crypto, field)
  }
  return (stamp, key) =>
    ageFault(stamp, key, options) ??
    macFault(stamp, key, digestFor(stamp), digests.sha256, crypto) ??
    unboundFault(header, stamp.field)
}

/**
 * Returns whether the stamp states that an administrator has released the message, by a key that may do so.
 */
const releases = ({ claims }: HmacStamp, key: Key): boolean => key.mayRelease && isOfRelease(claims)

function ageFault(stamp: HmacStamp, key: Key, options: VerifyOptions): string | undefined {
  const { claims } = stamp
  const age = options.now - Number(claims.t)
  if (age > options.maxAgeSeconds) return `stamp is ${formatDuration(1000 * age)} old`
  if (age < -FUTURE_MAX_SECONDS) return `stamp is ${formatDuration(-1000 * age)} in the future`
  // A person has judged the message, and newer signatures do not change that.
  if (releases(stamp, key)) return undefined
  const signatures = options.signatureDate()
  if (signatures !== undefined && Number(claims.t) < signatures) {
    const from = new Date(signatures * 1000).toISOString().replace(/\.\d+/, '')
    return `this host has had new signatures since; stamps made from ${from} on are trusted`
  }
  return undefined
}

/**
 * Searches for a field above a stamp, or an uncovered one below it, that may make a reader decode the body
 * differently than when it was scanned. Returns the fault, or undefined.
 */
function unboundFault(header: Header, stamp: number): string | undefined {
  const { fields } = header
  const isFree = (index: number) => index < stamp || (index > stamp && !isBound(fields[index]!.key))
  const free = fields.filter((_, index) => isFree(index))
  const bytes = free.reduce((sum, { start, end }) => sum + end - start, 0)
  if (bytes > FREE_MAX) return `fields of more than ${FREE_MAX} bytes are not bound by the stamp`
  for (const field of free) {
    const reason = whyBound(header, field)
    if (reason === undefined) continue
    if (reason === 'long line') {
      return `a line of more than ${MAIL_LINE_MAX} bytes is in a field that the stamp does not bind`
    }
    if (field.start < fields[stamp]!.start) return `${field.name} was added above the stamp`
    return `${field.name}, which the stamp does not cover, may describe content`
  }
  return undefined
}

function macFault(
  { claims, mac }: HmacStamp,
  key: Key,
  fieldsDigest: string,
  bodyDigest: string | undefined,
  crypto: Crypto,
): string | undefined {
  if (bodyDigest === undefined) return 'the body was not hashed'
  const expected = stampMac(crypto, key.secret, claims, fieldsDigest, bodyDigest)
  const given = Buffer.from(mac, 'base64url')
  const isSame = given.length === expected.length && crypto.timingSafeEqual(given, expected)
  return isSame ? undefined : 'header, body or stamp was changed, or the secret differs'
}

/** The explanation of one header field with the name of a stamp. */
export interface StampExplanation {
  /** The name of the field as it is written. */
  readonly field: string
  /** The id of the key that made the stamp, or undefined if no key of the keyring did. */
  readonly key: string | undefined
  /** Why the stamp is invalid, or undefined if it is valid. */
  readonly fault: string | undefined
  /**
   * The scanners that the stamp names, and the time of the scan in unix seconds, or undefined for an md5
   * stamp, which contains neither.
   */
  readonly claims: { readonly scanners: readonly string[]; readonly time: number } | undefined
}

/**
 * Explains every stamp of a well-formed message separately, in the order of the header. Makes the checks of
 * verifyStamps(), without its limit of candidates.
 */
export function explainStamps(message: HashedMessage, options: VerifyOptions): StampExplanation[] {
  const { header } = message
  const stamps = new Map(stampsIn(header).map((stamp) => [stamp.field, stamp]))
  const hmacFault = createHmacCheck(message, new BoundFields(header), options)
  const explanations: StampExplanation[] = []
  for (const [index, { name }] of header.fields.entries()) {
    if (!isStampName(name)) continue
    const stamp = stamps.get(index)
    const proof =
      stamp === undefined
        ? withFault('its value is not a valid stamp')
        : stamp.scheme === 'md5'
          ? explainMd5(message, stamp, options)
          : explainHmac(stamp, options, hmacFault)
    explanations.push({ field: name, ...proof })
  }
  return explanations
}

type StampProof = Omit<StampExplanation, 'field'>

function explainMd5(
  { canonical }: HashedMessage,
  stamp: Stamp,
  { keys, now, crypto }: VerifyOptions,
): StampProof {
  const key = verifyMd5(canonical, [stamp], keys, crypto)
  if (key !== undefined) {
    return { key: key.id, fault: expired(key, now), claims: undefined }
  }
  const some = keys.some(({ scheme }) => scheme === 'md5')
  return withFault(
    some ? 'no md5 key of the keyring made it over this body' : 'no md5 key in the keyring',
  )
}

function explainHmac(
  stamp: HmacStamp,
  { keys, now }: VerifyOptions,
  hmacFault: ReturnType<typeof createHmacCheck>,
): StampProof {
  const { k, t, s } = stamp.claims
  const claims = { scanners: s.split(',').filter((name) => name !== ''), time: Number(t) }
  const key = keys.find(({ scheme, id }) => scheme === 'hmac-sha256' && id === k)
  if (key === undefined) return { ...withFault(`no key ${k} in the keyring`), claims }
  return { key: k, fault: expired(key, now) ?? hmacFault(stamp, key), claims }
}

function expired(key: Key, now: number): string | undefined {
  return isCurrent(key, now) ? undefined : `the key expired on ${key.until}`
}

function withFault(text: string): StampProof {
  return { key: undefined, fault: text, claims: undefined }
}

/**
 * Returns the digests that signing and verifying this message may need. These are that of the key that would
 * sign it, and those of schemes for which the message has stamps and the keyring has keys. Other digests are
 * not computed, because hashing a large body takes time. `now` is in unix seconds.
 */
export function digestsFor(header: Header, keys: readonly Key[], now: number): DigestsWanted {
  const schemes = new Set<Scheme>()
  const signing = keys.find((key) => isCurrent(key, now))
  if (signing !== undefined) schemes.add(signing.scheme)
  for (const { name } of header.fields) {
    const stamp = stampName(name)
    if (stamp && keys.some(({ scheme }) => scheme === stamp.scheme)) schemes.add(stamp.scheme)
  }
  return { wantsMd5: schemes.has('md5'), wantsSha256: schemes.has('hmac-sha256') }
}
