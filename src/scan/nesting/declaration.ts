/** What the header of a message or part says about messages and parts inside it. */
export interface Declaration {
  /** Some reader may take it for a multipart. */
  readonly multipart: boolean
  /** Some reader may take it for an attached message. */
  readonly message: boolean
  /** That of a multipart which all readers read alike; undefined if they may not. */
  readonly boundary: string | undefined
  /** No reader can understand it in another way. */
  readonly plain: boolean
  /** Multipart/digest: parts that say nothing are messages. */
  readonly digest: boolean
  /** Of the content, as far as it is not to be taken as it stands. */
  readonly encodings: readonly TransferEncoding[]
  /** It names a type, in whatever words. */
  readonly saysType: boolean
  /** The fields that `encodings` do not come from: what the decoded content is read under. */
  readonly withoutEncoding: string
}

export type TransferEncoding = 'base64' | 'quoted-printable'

/** Characters of the fields of one header that are looked at. */
const KEPT_MAX = 64 * 1024

export interface DeclarationReader {
  /** Takes a line with its end; `cut` where it was longer than what is given. */
  add(line: string, cut: boolean): void
  /** Instead, for one that `saysNothing`. */
  pass(): void
  /** What the lines so far say. */
  read(): Declaration
}

/** Gathers the fields that may say something about content, out of the lines of a header. */
export function createDeclarationReader(): DeclarationReader {
  const fields: string[] = []
  let length = 0
  let keeping = false
  let tooMuch = false
  let known: Declaration | undefined = silent
  return {
    add(line, cut) {
      const goesOn = line.startsWith(' ') || line.startsWith('\t')
      const matters = RELEVANT.test(line) || (ODD_NAME.test(line) && line.includes(':'))
      if (!goesOn || !keeping) keeping = matters
      if (!keeping) return
      known = undefined
      length += line.length
      if (cut || length > KEPT_MAX) tooMuch = true
      else if (goesOn && fields.length > 0) fields[fields.length - 1] += line
      else fields.push(line)
    },
    pass() {
      keeping = false
    },
    read() {
      known ??= readFields(fields, tooMuch)
      return known
    },
  }
}

/** Comments and encoded words in a name are taken out by some readers before they look at it. */
const ODD_NAME = /^[^\s:]*(?:\(|=\?)/
const RELEVANT = /content-|boundary|multipart|message[\s(]*\//i

/**
 * Whether the line from `from` to `to` cannot be RELEVANT, continues none and is no delimiter:
 * told by its bytes, for most lines of most headers and all of encoded data.
 */
export function saysNothing(bytes: Buffer, from: number, to: number): boolean {
  const first = bytes[from]!
  if (first <= SPACE || first === DASH) return false
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte < LETTERS) {
      if (byte === DASH && isLetter(bytes[at - 1], 't')) return false
      if (byte === PARENTHESIS || byte === QUESTION) return false
    } else if (isLetter(byte, 'b')) {
      if (isLetter(bytes[at + 1], 'o') && isLetter(bytes[at + 2], 'u')) return false
    } else if (isLetter(byte, 'm')) {
      if (isLetter(bytes[at + 1], 'e') && isLetter(bytes[at + 2], 's')) return false
      if (isLetter(bytes[at + 1], 'u') && isLetter(bytes[at + 2], 'l')) return false
    }
  }
  return true
}

const SPACE = 0x20
const DASH = 0x2d
const PARENTHESIS = 0x28
const QUESTION = 0x3f
/** Where letters begin. */
const LETTERS = 0x41

/** In either case. */
function isLetter(byte: number | undefined, letter: string): boolean {
  return byte !== undefined && (byte | 32) === letter.charCodeAt(0)
}

const silent: Declaration = {
  multipart: false,
  message: false,
  boundary: undefined,
  plain: true,
  digest: false,
  encodings: [],
  saysType: false,
  withoutEncoding: '',
}

/** More than can be looked at may say anything. */
function readFields(fields: readonly string[], tooMuch: boolean): Declaration {
  const text = fields.join('')
  const types = fields.filter((field) => /^content-type[ \t]*:/i.test(field))
  const disguised = fields.some((field) => /^[^\s:]*(?:\(|=\?)/.test(field) || hasOddType(field))
  const anything = tooMuch || disguised
  // Where there is the field itself, a subject that speaks of messages is not one.
  const sayMessage = types.length > 0 ? types.join('') : text
  const multipart = anything || /multipart|boundary/i.test(text)
  const message = anything || /message[\s(]*\/|:\s*message\s*(?:;|$)/i.test(sayMessage)
  const isSingle = !anything && occurrences(text, /content-type/gi) === types.length
  const strict = isSingle && types.length === 1 ? readStrictly(types[0]!) : undefined
  const boundaries = occurrences(text, /boundary/gi)
  const boundary = strict && boundaries === 1 ? strict.boundary : undefined
  const [encoded, others] = partition(fields, (field) => /transfer-encoding/i.test(field))
  return {
    multipart,
    message,
    boundary,
    plain: strict !== undefined && boundaries === (multipart ? 1 : 0) && multipart !== message,
    digest: /multipart\s*\/\s*digest/i.test(text),
    encodings: encodingsIn(encoded.join('')),
    saysType: anything || types.length > 0 || multipart || message,
    withoutEncoding: others.join(''),
  }
}

/** A comment or an encoded word in a type itself; in the name of a file they are common. */
function hasOddType(field: string): boolean {
  if (!/^[^:]*content-type/i.test(field)) return false
  const [type = ''] = field.split(';', 1)
  return /\(|=\?/.test(type)
}

function encodingsIn(text: string): TransferEncoding[] {
  const found: TransferEncoding[] = []
  if (/base64|=\?|\(/i.test(text)) found.push('base64')
  if (/quoted|=\?|\(/i.test(text)) found.push('quoted-printable')
  return found
}

const TYPE =
  /^content-type:[ \t]*(?:multipart|message)\/[\w.+-]+[ \t]*((?:;[ \t]*[\w-]+[ \t]*=[ \t]*(?:"[^"\\]*"|[\w'+.,/:=?-]+)[ \t]*)*)(?:;[ \t]*)?$/i

/** A field that leaves no room for opinions; undefined for all others. */
function readStrictly(field: string): { readonly boundary: string | undefined } | undefined {
  const line = field.replace(/\r?\n(?=[ \t])/g, '').replace(/\r?\n$/, '')
  const [, parameters] = TYPE.exec(line) ?? []
  if (parameters === undefined) return undefined
  const [, quoted, token] =
    /;[ \t]*boundary[ \t]*=[ \t]*(?:"([^"]*)"|([^\s;]*))/i.exec(parameters) ?? []
  const boundary = quoted ?? token
  // Blanks inside quotes count; where a line was folded there, who knows which.
  if (boundary === undefined) return { boundary }
  const isClear = BOUNDARY.test(boundary) && !boundary.includes('=?') && field.includes(boundary)
  return isClear ? { boundary } : undefined
}

const BOUNDARY = /^[\w'+.,/:=? -]{0,199}[\w'+.,/:=?-]$/

function occurrences(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

function partition<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}
