/** The information about content in an ordinary header. Words are in lower case; `''` if there is no such field. */
export interface OrdinaryHeader {
  /** `type/subtype`. */
  readonly type: string
  readonly encoding: string
  readonly disposition: string
  readonly boundary: string | undefined
  /** Whether it has a field by which libclamav recognizes the header of a message. */
  readonly isOfMail: boolean
  /** The offset of the first byte below the header and its empty line. */
  readonly end: number
}

/**
 * A field with its folds. Its name has letters, digits and few signs; each fold has more than blanks. So all programs
 * find the same lines, and take none of them for the end of the header.
 */
const FIELD = /([A-Za-z0-9][\w.-]*):([^\r\n]*(?:\r?\n[ \t]+[^ \t\r\n][^\r\n]*)*)\r?\n/y
const EMPTY_LINE = /\r?\n/y
/** In the header of a part libclamav joins such a field to the one below, whatever its name, if that has an equals sign. */
const OPEN_END = /;[ \t]*$/
/** Programs end a line at some of these, or a text. */
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/

/** Fields about content that no program reads for where a part ends, or how it is encoded. */
const INERT: ReadonlySet<string> = new Set(
  ['id', 'description', 'language', 'location', 'md5', 'length', 'class', 'base', 'features'].map(
    (word) => `content-${word}`,
  ),
)
/** The fields by which libclamav recognizes a message; it takes lines below others for more fields. */
const OF_MAIL: ReadonlySet<string> = new Set(['from', 'received', 'content-type'])

/** A word of a type, a parameter or a value: no program finds more in it (RFC 2045 5.1, without `*`, `%` and quotes). */
const TOKEN = '[\\w!#$&+.^`{|}~-]+'
/**
 * Parameters that all programs read alike: each value is a word, or in quotes on one line, without `\`, `*` and `;`, at
 * which libclamav ends it regardless of quotes.
 */
const PARAMETERS = new RegExp(
  String.raw`(?:[ \t]*;(?:[ \t]|\r?\n[ \t])*(?:${TOKEN})=(?:${TOKEN}|"[ !#-)+-:<-\[\]-~]*"))*`,
)
const BLANKS = String.raw`(?:[ \t]|\r?\n[ \t])*`
const TYPE = new RegExp(`^${BLANKS}(${TOKEN}/${TOKEN})(${PARAMETERS.source})[ \\t]*$`)
const DISPOSITION = new RegExp(`^${BLANKS}(attachment|inline)(${PARAMETERS.source})[ \\t]*$`, 'i')
const ENCODING = /^(?:[ \t]|\r?\n[ \t])*(7bit|8bit|binary|base64|quoted-printable)[ \t]*$/i
const PARAMETER = new RegExp(`(${TOKEN})=(?:"([^"]*)"|(${TOKEN}))`, 'g')

/** The types that libclamav knows. It guesses what others mean, by the letters that they have in common. */
const TYPES =
  /^(?:text|application|image|audio|video)\/|^message\/rfc822$|^multipart\/(?:mixed|alternative|related)$/

/** The parameters that are read for something else than the place of a part. libclamav knows some by how they begin. */
const OF_TYPE: ReadonlySet<string> = new Set([
  ...[
    'charset',
    'name',
    'format',
    'delsp',
    'type',
    'start',
    'boundary',
    'size',
    'method',
    'micalg',
  ],
  ...['protocol', 'report-type', 'reply-type', 'x-unix-mode', 'x-mac-type', 'x-mac-creator'],
])
const OF_DISPOSITION: ReadonlySet<string> = new Set([
  ...['filename', 'size', 'creation-date', 'modification-date', 'read-date'],
])
/** A boundary in which no program finds a comment, a quote or a blank (RFC 2046 5.1.1, without some). */
const BOUNDARY = /^[\w'+,./:=?-]{1,70}$/

/**
 * Reads a header from this offset on, with its empty line, by a grammar of what all programs read alike. Returns
 * undefined for any other header, and for one that does not end above `to`. The message is a string in latin1.
 */
export function readOrdinaryHeader(
  mail: string,
  from: number,
  to: number,
  { isOfPart }: { readonly isOfPart: boolean },
): OrdinaryHeader | undefined {
  const seen = new Map<string, string>()
  let isOfMail = false
  let at = from
  for (;;) {
    EMPTY_LINE.lastIndex = at
    if (EMPTY_LINE.test(mail)) break
    FIELD.lastIndex = at
    const field = FIELD.exec(mail)
    if (field === null || CONTROLS.test(field[2]!)) return undefined
    if (isOfPart && OPEN_END.test(field[2]!)) return undefined
    at = FIELD.lastIndex
    const name = field[1]!.toLowerCase()
    isOfMail ||= OF_MAIL.has(name)
    if (!name.startsWith('content') || INERT.has(name)) continue
    if (seen.has(name)) return undefined
    seen.set(name, field[2]!)
  }
  if (EMPTY_LINE.lastIndex > to || at === from) return undefined
  return readContentFields(seen, isOfMail, EMPTY_LINE.lastIndex)
}

function readContentFields(
  fields: ReadonlyMap<string, string>,
  isOfMail: boolean,
  end: number,
): OrdinaryHeader | undefined {
  let [type, encoding, disposition] = ['', '', '']
  let boundary: string | undefined
  for (const [name, value] of fields) {
    if (value.includes('=?')) return undefined
    if (name === 'content-type') {
      const match = TYPE.exec(value)
      const parameters = match && parametersOf(match[2]!, OF_TYPE)
      if (!parameters) return undefined
      type = match[1]!.toLowerCase()
      boundary = parameters.get('boundary')
    } else if (name === 'content-transfer-encoding') {
      const match = ENCODING.exec(value)
      if (!match) return undefined
      encoding = match[1]!.toLowerCase()
    } else if (name === 'content-disposition') {
      const match = DISPOSITION.exec(value)
      if (!match || !parametersOf(match[2]!, OF_DISPOSITION)) return undefined
      disposition = match[1]!.toLowerCase()
    } else return undefined
  }
  const isMultipart = type.startsWith('multipart/')
  const isContainer = isMultipart || type === 'message/rfc822'
  const isKnown =
    (type === '' || TYPES.test(type)) &&
    (isMultipart ? boundary !== undefined && BOUNDARY.test(boundary) : boundary === undefined) &&
    !(isContainer && (encoding === 'base64' || encoding === 'quoted-printable'))
  return isKnown ? { type, encoding, disposition, boundary, isOfMail, end } : undefined
}

/** Returns parameters by their names, or undefined if one is unknown, or occurs twice. */
function parametersOf(
  text: string,
  known: ReadonlySet<string>,
): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>()
  for (const [, attribute, quoted, word] of text.matchAll(PARAMETER)) {
    const name = attribute!.toLowerCase()
    if (!known.has(name) || found.has(name)) return undefined
    found.set(name, quoted ?? word!)
  }
  return found
}
