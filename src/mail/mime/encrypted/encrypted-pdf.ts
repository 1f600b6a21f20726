import { type MailBytes, shortText } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'

/** Bytes at the beginning of a file in which readers find `%PDF-`, and at its end in which they find the trailer. */
const MARK_WITHIN = 1024
const TAIL = 2048
/** Upper limit, in bytes, for a dictionary, and for a table of offsets above its trailer. */
const DICTIONARY_MAX = 8192
/** Hashes of four KiB for the empty password: for nearly all files no more. */
const ROUNDS_OF_HASHES = 70
const TABLE_MAX = 256 * 1024

/**
 * Returns whether bytes are a PDF file that needs a password (ISO 32000-1 7.6). clamd, and every reader, opens a file that only
 * restricts what may be done with it.
 */
export function* isEncryptedPdf(source: MailBytes, work: Work): Steps<boolean> {
  const from = yield* work.indexOf(source, ['%PDF-'], 0, Math.min(source.length, MARK_WITHIN))
  if (from === undefined) return false
  const pdf = source.subarray(from)
  for (const trailer of yield* trailersOf(pdf, work)) {
    const [, number, generation] = /\/Encrypt\s*(?:(\d+)\s+(\d+)\s+R\b|<<)/.exec(trailer) ?? []
    if (number === undefined && !/\/Encrypt\s*<</.test(trailer)) continue
    yield* work.countUnits(ROUNDS_OF_HASHES * costs.content)
    if (number === undefined) return !opensFreely(trailer, trailer)
    const all = yield* work.searched(pdf)
    const at = all.lastIndexOf(`\n${number} ${generation} obj`)
    return at < 0 || !opensFreely(yield* dictionaryAt(pdf, at, work), trailer)
  }
  return false
}

/** Returns the dictionaries that may be the last trailer: above the end, and where the last line but one refers to. */
function* trailersOf(pdf: MailBytes, work: Work): Steps<string[]> {
  const tail = yield* work.text(pdf, Math.max(0, pdf.length - TAIL))
  const [, offset] = [...tail.matchAll(/startxref\s+(\d{1,12})/g)].at(-1) ?? []
  const trailer = tail.lastIndexOf('trailer')
  const atEnd = trailer < 0 ? [] : [withLetters(tail.slice(trailer))]
  if (offset === undefined) return atEnd
  const at = Number(offset)
  const isTable = shortText(pdf, at, 4) === 'xref'
  const to = Math.min(pdf.length, at + TABLE_MAX)
  const below = isTable ? yield* work.indexOf(pdf, ['trailer'], at, to) : at
  return below === undefined ? atEnd : [...atEnd, yield* dictionaryAt(pdf, below, work)]
}

/** Returns the text of a dictionary, up to the data that follows it. */
function* dictionaryAt(pdf: MailBytes, at: number, work: Work): Steps<string> {
  const text = yield* work.text(pdf, at, at + DICTIONARY_MAX)
  const [dictionary = ''] = text.split(/>>\s*(?:stream\r?\n|endobj|startxref)/)
  return withLetters(dictionary)
}

/** Names may have their letters as numbers. */
const withLetters = (text: string): string =>
  text.replace(/#([0-9A-Fa-f]{2})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )

/** The bytes that complete a password to 32. */
const PASSWORD_PADDING = Buffer.from(
  '28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a',
  'hex',
)

/** Returns whether the empty password opens a file with this dictionary (ISO 32000-1 7.6.3.4, ISO 32000-2 7.6.4.4). */
function opensFreely(dictionary: string, trailer: string): boolean {
  const number = (name: string) => Number(new RegExp(`/${name}\\s+(-?\\d+)`).exec(dictionary)?.[1])
  const revision = number('R')
  const [owner, user] = [stringIn(dictionary, 'O'), stringIn(dictionary, 'U')]
  const [id] = [stringIn(trailer, 'ID\\s*\\[')]
  if (!/\/Filter\s*\/Standard\b/.test(dictionary) || user === undefined) return false
  const salt = user.subarray(32, 40)
  if (revision === 5) return sha('sha256', salt).equals(user.subarray(0, 32))
  if (revision === 6) return hashOfRevision6(salt).equals(user.subarray(0, 32))
  if (owner === undefined || id === undefined || !(revision >= 2 && revision <= 4)) return false
  const permissions = Buffer.alloc(4)
  permissions.writeInt32LE(number('P') | 0)
  const hidesMetadata = revision === 4 && /\/EncryptMetadata\s+false\b/.test(dictionary)
  const bits = revision === 4 ? 128 : number('Length') || 40
  const length = revision === 2 ? 5 : Math.min(16, Math.max(5, bits >> 3))
  let key = md5(
    PASSWORD_PADDING,
    owner.subarray(0, 32),
    permissions,
    id,
    hidesMetadata ? ALL_ONES : NOTHING,
  )
  if (revision === 2)
    return rc4(key.subarray(0, length), PASSWORD_PADDING).equals(user.subarray(0, 32))
  for (let round = 0; round < 50; round++) key = md5(key.subarray(0, length))
  key = key.subarray(0, length)
  let expected = md5(PASSWORD_PADDING, id)
  for (let round = 0; round < 20; round++)
    expected = rc4(
      key.map((byte) => byte ^ round),
      expected,
    )
  return expected.equals(user.subarray(0, 16))
}

const NOTHING = Buffer.alloc(0)
const ALL_ONES = Buffer.alloc(4, 0xff)

/** Loaded for the first file that is encrypted: it costs each standalone scan a millisecond. */
const crypto = () => process.getBuiltinModule('node:crypto')

const md5 = (...pieces: readonly Uint8Array[]): Buffer =>
  crypto().createHash('md5').update(Buffer.concat(pieces)).digest()
const sha = (name: string, bytes: Buffer): Buffer =>
  crypto().createHash(name).update(bytes).digest()

/** Returns the hash of the empty password (ISO 32000-2 7.6.4.3.4, algorithm 2.B). */
function hashOfRevision6(salt: Buffer): Buffer {
  let key = sha('sha256', salt)
  for (let round = 0, last = 0; round < 64 || last > round - 32; round++) {
    const cipher = crypto().createCipheriv('aes-128-cbc', key.subarray(0, 16), key.subarray(16, 32))
    const encrypted = cipher.setAutoPadding(false).update(Buffer.concat(Array(64).fill(key)))
    const remainder = encrypted.subarray(0, 16).reduce((sum, byte) => sum + byte, 0) % 3
    key = sha(['sha256', 'sha384', 'sha512'][remainder]!, encrypted)
    last = encrypted.at(-1)!
  }
  return key.subarray(0, 32)
}

/** Returns the bytes of a string of a dictionary: in hex digits, or in brackets. */
function stringIn(dictionary: string, name: string): Buffer | undefined {
  const [, hex, text] =
    new RegExp(
      `/${name}\\s*(?:<([0-9A-Fa-f\\s]*)>|\\(((?:[^\\\\()]|\\\\[\\s\\S]|\\((?:[^\\\\()]|\\\\[\\s\\S])*\\))*)\\))`,
    ).exec(dictionary) ?? []
  if (hex !== undefined) return Buffer.from(hex.replace(/\s/g, ''), 'hex')
  return text === undefined ? undefined : Buffer.from(text.replace(ESCAPE, characterOf), 'latin1')
}

const ESCAPE = /\\([0-7]{1,3}|\r\n|[\s\S])/g
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }

function characterOf(_: string, what: string): string {
  if (/^[0-7]/.test(what)) return String.fromCharCode(Number.parseInt(what, 8) & 0xff)
  return /^[\r\n]/.test(what) ? '' : (ESCAPED[what] ?? what)
}

function rc4(key: Uint8Array, bytes: Buffer): Buffer {
  const state = Uint8Array.from(Array(256).keys())
  let other = 0
  const swapWith = (place: number) => {
    const value = state[place]!
    state[place] = state[other]!
    state[other] = value
  }
  for (let at = 0; at < 256; at++) {
    other = (other + state[at]! + key[at % key.length]!) & 0xff
    swapWith(at)
  }
  other = 0
  let index = 0
  return Buffer.from(
    bytes.map((byte) => {
      index = (index + 1) & 0xff
      other = (other + state[index]!) & 0xff
      swapWith(index)
      return byte ^ state[(state[index]! + state[other]!) & 0xff]!
    }),
  )
}
