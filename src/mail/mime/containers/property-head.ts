export const QUOTE = 0x22
const COMMA = 0x2c
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const EQUALS = 0x3d

/** The most characters of a word that are kept: of a longer one, at least as many at its end. */
const WORD_MAX = 1024
/** The most names of a file: the first ones, and the last. */
export const NAMES_MAX = 50

/** The properties whose values are files, or URLs. */
const OF_FILE = /^(?:.*\.)?(?:attach|image|photo|logo|sound|key)$/i
const ENCODING_NAME = /^(?:x-)?encoding$/i
/** The name of a parameter whose value may be BASE64; vCard 2.1 leaves the name out. */
const TYPE_NAME = /^(?:|type|value)$/i
const IN_BASE64 = /^(?:b|b64|base-?64|binary)$/i
const NOT_IN_BASE64 = /^(?:|7bit|8bit|quoted-printable)$/i
const IN_QUOTED_PRINTABLE = /^quoted-printable$/i
/** Phones say so of how a name is spoken, in letters. */
const SOUND_OF_NAME = /^x-irmc-n$/i
const FILE_NAME = /(?:^|[-_])(?:file-?name|name|label|title)$/i

/**
 * What stands before a value in a calendar or a card: the name of the property, and its parameters
 * (RFC 5545 3.2, RFC 6350 5, vCard 2.1), as they come byte by byte, without the folds.
 */
export class PropertyHead {
  /** Whether quotes count inside of a word, too. To KContacts they do at its front alone. */
  readonly #quotesInWords: boolean
  isQuoted = false
  isOver = false
  isOfFile = false
  isBase64 = false
  isQuotedPrintable = false
  names: string[] = []
  #parameter: string | undefined // its name; undefined in the name of the property
  #word = ''

  constructor(quotesInWords: boolean) {
    this.#quotesInWords = quotesInWords
  }

  /** Whether a quote that comes next would stand inside of a word. */
  get isInWord(): boolean {
    return !this.isQuoted && this.#word !== ''
  }

  /** Returns a head that has come as far, to which quotes in words are none. */
  withoutQuotesInWords(): PropertyHead {
    const head = new PropertyHead(false)
    const { isOfFile, isBase64, isQuotedPrintable } = this
    Object.assign(head, { isOfFile, isBase64, isQuotedPrintable, names: [...this.names] })
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
    if (name === undefined) this.isOfFile = OF_FILE.test(word)
    else if (ENCODING_NAME.test(name)) {
      this.isBase64 ||= !NOT_IN_BASE64.test(word)
      this.isQuotedPrintable ||= IN_QUOTED_PRINTABLE.test(word)
    } else if (TYPE_NAME.test(name)) {
      this.isBase64 ||= IN_BASE64.test(word)
      this.isQuotedPrintable ||= IN_QUOTED_PRINTABLE.test(word)
      if (SOUND_OF_NAME.test(word)) this.isOfFile = false
    } else if (FILE_NAME.test(name) && word !== '') this.#addName(word)
  }

  #addName(word: string): void {
    if (this.names.length === NAMES_MAX) this.names.pop()
    this.names.push(word)
  }
}
