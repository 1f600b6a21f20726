import { BACKSLASH, COLON, EQUALS, QUOTE, SEMICOLON, SPACE } from '../../../base/bytes/ascii.ts'
import { type MemoryPool, Store } from '../storage/store.ts'
import type { HeldContent } from './container.ts'

const COMMA = 0x2c

/**
 * Upper limit for the characters of a word that are kept: of a longer one, at least this number from its end.
 */
const WORD_MAX = 1024
/** Upper limit for the names of a file: the first ones, and the last. */
const NAMES_MAX = 50

/** The properties whose values are files, or URLs. */
const OF_FILE = /^(?:.*\.)?(?:attach|image|key)$/i
/** The properties of a card that programs show or play. None saves their values as files. */
const SHOWN = /^(?:.*\.)?(?:photo|logo|sound)$/i
const ENCODING_NAME = /^(?:x-)?encoding$/i
/** The name of a parameter whose value may be BASE64. vCard 2.1 omits the name. */
const TYPE_NAME = /^(?:|type|value)$/i
const IN_BASE64 = /^(?:b|b64|base-?64|binary)$/i
const NOT_IN_BASE64 = /^(?:|7bit|8bit|quoted-printable)$/i
const IN_QUOTED_PRINTABLE = /^quoted-printable$/i
const FILE_NAME = /(?:^|[-_])(?:file-?name|name|label|title)$/i

/**
 * The text before a value in a calendar or a card, byte by byte, without the folds: the name of the property,
 * and its parameters (RFC 5545 3.2, RFC 6350 5, vCard 2.1).
 */
export class PropertyHead {
  /** Whether quotes inside a word are special, too. For KContacts only those at its beginning are. */
  readonly #quotesInWords: boolean
  isQuoted = false
  isOver = false
  isOfFile = false
  isShown = false
  isBase64 = false
  isQuotedPrintable = false
  names: string[] = []
  #parameter: string | undefined // its name, or undefined in the name of the property
  #word = ''

  constructor(quotesInWords: boolean) {
    this.#quotesInWords = quotesInWords
  }

  /** Whether a following quote would be inside a word. */
  get isInWord(): boolean {
    return !this.isQuoted && this.#word !== ''
  }

  /** Returns a copy of this head that treats quotes inside words as ordinary characters. */
  withoutQuotesInWords(): PropertyHead {
    const head = new PropertyHead(false)
    const { isOfFile, isShown, isBase64, isQuotedPrintable } = this
    Object.assign(head, { isOfFile, isShown, isBase64, isQuotedPrintable, names: [...this.names] })
    head.#parameter = this.#parameter
    head.#word = this.#word
    return head
  }

  take(byte: number): void {
    if (byte === QUOTE) {
      this.isQuoted = !this.isQuoted && (this.#quotesInWords || this.#word === '')
    } else if (this.isQuoted) this.#add(byte)
    else if (byte === COLON || byte === SEMICOLON) {
      this.#endWord()
      this.#parameter = ''
      this.isOver = byte === COLON
    } else if (byte === EQUALS && this.#parameter === '') {
      this.#parameter = this.#takeWord()
    } else if (byte === COMMA && this.#parameter !== undefined) this.#endWord()
    else this.#add(byte)
  }

  #add(byte: number): void {
    this.#word += String.fromCharCode(byte)
    if (this.#word.length > 2 * WORD_MAX) this.#word = this.#word.slice(-WORD_MAX)
  }

  #takeWord(): string {
    const word = this.#word.trim()
    this.#word = ''
    return word
  }

  #endWord(): void {
    const name = this.#parameter
    const word = this.#takeWord()
    if (name === undefined) {
      this.isOfFile = OF_FILE.test(word)
      this.isShown = SHOWN.test(word)
    } else if (ENCODING_NAME.test(name)) {
      this.isBase64 ||= !NOT_IN_BASE64.test(word)
      this.isQuotedPrintable ||= IN_QUOTED_PRINTABLE.test(word)
    } else if (TYPE_NAME.test(name)) {
      this.isBase64 ||= IN_BASE64.test(word)
      this.isQuotedPrintable ||= IN_QUOTED_PRINTABLE.test(word)
    } else if (FILE_NAME.test(name) && word !== '') this.#addName(word)
  }

  #addName(word: string): void {
    if (this.names.length === NAMES_MAX) this.names.pop()
    this.names.push(word)
  }
}

/** Minimum length, in characters, of a file whose property does not state its encoding. */
const UNDECLARED_MIN = 64
const DATA = 'data:'
/** Upper limit for the bytes examined between `data:` and the comma. */
const MEDIA_TYPE_MAX = 4096

/** The value of a property, as far as it may be a file. */
export class PropertyValue {
  readonly #pool: MemoryPool
  readonly head: PropertyHead
  /** The stored bytes, or undefined while there are none. */
  store: Store | undefined
  #isKept: boolean
  /** The number of letters of DATA that it begins with, or -1 if it begins otherwise. */
  #matched = 0
  /**
   * The possible ends: the end of its line, an empty line, and the beginning of the next property. Some
   * writers of vCard 2.1 put no blanks before continuation lines of base64.
   */
  #endOfLine: number | undefined
  #endAtEmpty: number | undefined
  #endAtNext: number | undefined

  constructor(head: PropertyHead, pool: MemoryPool) {
    this.head = head
    this.#pool = pool
    this.#isKept = head.isBase64 || head.isOfFile
  }

  /** Whether it may still be a file. */
  get mayMatter(): boolean {
    return this.#isKept || this.#matched >= 0
  }

  /** Whether it may continue with lines that do not begin with a blank. */
  get mayGoOn(): boolean {
    return this.head.isBase64
  }

  /** Whether its own line has ended. */
  get isBehindLine(): boolean {
    return this.#endOfLine !== undefined
  }

  append(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to && this.#matched >= 0 && this.#matched < DATA.length; at++) {
      this.#match(bytes[at]!)
    }
    if (this.#isKept) {
      this.store ??= new Store(this.#pool)
      this.store.putAll(bytes, from, to)
    } else if (this.#matched === DATA.length) {
      this.#isKept = true
      this.append(Buffer.from(DATA), 0, DATA.length)
      this.append(bytes, bytes.indexOf(COLON, from) + 1, to)
    }
  }

  #match(byte: number): void {
    if (this.#matched === 0 && byte <= SPACE) return
    const isNext = (byte | (byte === COLON ? 0 : 32)) === DATA.charCodeAt(this.#matched)
    this.#matched = isNext ? this.#matched + 1 : -1
  }

  /** Notes that another line begins here, which belongs to the value for some readers. */
  endLine(): void {
    this.#endOfLine ??= this.#size
    this.#endAtNext = this.#size
  }

  endAtEmptyLine(): void {
    this.#endAtEmpty ??= this.#size
  }

  get #size(): number {
    return this.store?.size ?? 0
  }

  *files(): Generator<HeldContent> {
    const { store } = this
    const { isBase64, isQuotedPrintable, names } = this.head
    if (store === undefined) return
    const value = store.finish()
    for (const end of new Set([this.#endOfLine, this.#endAtEmpty, this.#endAtNext])) {
      if (end === undefined || end === 0) continue
      const bytes = value.subarray(0, end)
      if (this.#matched === DATA.length) yield* filesOfUrl(bytes, names)
      if (isBase64) {
        yield { bytes, encoding: 'base64', names }
        if (bytes.includes(BACKSLASH)) yield { bytes, encoding: 'escaped base64', names }
      } else if (this.#matched === DATA.length) continue
      else if (isQuotedPrintable) yield { bytes, encoding: 'quoted-printable', names }
      else if (end >= UNDECLARED_MIN && !bytes.includes(COLON)) {
        yield { bytes, encoding: 'base64', names } // ez-vcard reads a value that is not a URL as base64
      }
    }
  }
}

/** Returns the file of a `data:` URL (RFC 2397). */
function* filesOfUrl(url: Buffer, names: readonly string[]): Generator<HeldContent> {
  const comma = url.indexOf(',')
  if (comma < 0) return
  const type = url.toString('latin1', Math.max(0, comma - MEDIA_TYPE_MAX), comma)
  const named = [...type.matchAll(/;(?:file)?name=([^;]*)/gi)].map(([, name]) => name!)
  const encoding = /;\s*base64\s*$/i.test(type) ? 'base64 in a url' : 'url'
  const bytes = url.subarray(comma + 1)
  yield { bytes, encoding, names: [...names, ...named.slice(0, NAMES_MAX)] }
}
