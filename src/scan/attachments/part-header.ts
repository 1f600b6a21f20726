import { extendedValues, fileNames, NAME_MAX } from './file-names.ts'
import { splitParameters, strictValue, withoutComments } from './parameters.ts'

/** How the content of a part is encoded; `unknown` is any word that RFC 2045 6.1 has not. */
export type TransferEncoding = 'identity' | 'base64' | 'quoted-printable' | 'unknown'

/** What the header of a message or MIME part says of its content. */
export interface PartHeader {
  /** Lower case; the one that RFC 2045 5.2 takes where none is given. */
  readonly type: string
  /** All types that are given, and `type`. */
  readonly types: readonly string[]
  /** All names that some reader of mail would give to the content. */
  readonly names: readonly string[]
  /** Set for a multipart with a boundary that can be used. */
  readonly boundary: Buffer | undefined
  readonly encoding: TransferEncoding
  /** Why readers of mail may disagree about this part. */
  readonly defects: readonly string[]
}

/** RFC 2046 5.1.1 allows 70; who writes more is read with some patience. */
const BOUNDARY_MAX = 250
const PARAMETERS_MAX = 100

/** Reads a header block with or without the empty line behind it. */
export function readPartHeader(block: Buffer, defaultType: string): PartHeader {
  const text = block.toString('latin1')
  const fields = readFields(text)
  const defects = speaksOfMime.test(text) ? fields.defects : []
  const values = (name: string) => fields.list.filter((f) => f.name === name).map((f) => f.value)

  const typeValues = values('content-type')
  const encodings = values('content-transfer-encoding')
  if (differ(typeValues)) defects.push('two Content-Type fields')
  if (differ(encodings)) defects.push('two Content-Transfer-Encoding fields')

  const types = typeValues.flatMap((value) => readType(value, defects))
  const type = types[0] ?? defaultType
  const encoding = readEncoding(encodings[0] ?? '')
  const isMultipart = type.startsWith('multipart/')
  if (isMultipart && (encoding === 'base64' || encoding === 'quoted-printable')) {
    defects.push(`multipart in ${encoding}`)
  }
  return {
    type,
    types: types.length > 0 ? types : [type],
    names: readNames([...typeValues, ...values('content-disposition')], defects),
    boundary: isMultipart ? readBoundary(typeValues[0]!, defects) : undefined,
    encoding,
    defects,
  }
}

/** What is wrong with a header that says nothing of MIME hides no attachment. */
const speaksOfMime = /content-|mime-version/i

function readFields(text: string) {
  const list: { name: string; value: string }[] = []
  const defects: string[] = []
  if (text.includes('\0')) defects.push('NUL in a header')
  if (/\r(?!\n)/.test(text)) defects.push('bare CR in a header')

  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const last = list.at(-1)
    if (line === '' || (at === 0 && /^>?From /.test(line))) continue
    if (/^[ \t]/.test(line) && last) {
      last.value += line
      continue
    }
    // Names with parentheses are comments to some readers, who go on to see a field.
    const [, name, value] = /^([!-'*-9;-~]+)[ \t]*:(.*)$/s.exec(line) ?? []
    if (name === undefined) defects.push('a header line that is no field')
    else list.push({ name: name.toLowerCase(), value: value! })
  }
  return { list, defects }
}

function differ(values: readonly string[]): boolean {
  return new Set(values.map((value) => value.trim().toLowerCase())).size > 1
}

function readType(value: string, defects: string[]): string[] {
  const head = withoutComments(splitParameters(withoutComments(value)).head)
  const type = head.replace(/\s+/g, '').toLowerCase()
  if (/^[^/]+\/[^/]+$/.test(type)) return [type]
  // RFC 2045 5.2 has it read as text; what hints at parts may be read as parts.
  if (/multipart|message|boundary/i.test(value)) defects.push('a Content-Type that cannot be read')
  return []
}

function readEncoding(value: string): TransferEncoding {
  const [word = ''] = /[a-z0-9][a-z0-9-]*/.exec(withoutComments(value).toLowerCase()) ?? []
  if (word === 'base64' || word === 'quoted-printable') return word
  return ['', '7bit', '8bit', 'binary'].includes(word) ? 'identity' : 'unknown'
}

function readNames(values: readonly string[], defects: string[]): string[] {
  const names = new Set<string>()
  for (const value of values) {
    const strict = splitParameters(value)
    if (strict.openQuote) defects.push('a quote that is not closed')
    for (const reading of [
      strict,
      splitParameters(withoutComments(value)),
      splitParameters(value, false),
    ]) {
      if (reading.parameters.length > PARAMETERS_MAX) {
        defects.push(`a field with more than ${PARAMETERS_MAX} parameters`)
      }
      for (const name of fileNames(reading.parameters.slice(0, PARAMETERS_MAX))) {
        if (name.length >= NAME_MAX) defects.push(`a file name of more than ${NAME_MAX} characters`)
        names.add(name)
      }
    }
  }
  return [...names]
}

/** The boundary that every reader must see; a defect where they may see another, or none. */
function readBoundary(value: string, defects: string[]): Buffer | undefined {
  const plain = withoutComments(value)
  if (plain !== value) defects.push('a comment in the Content-Type of a multipart')
  const seen = new Set<string>()
  let exact = true
  for (const quotes of [true, false]) {
    const { parameters } = splitParameters(plain, quotes)
    for (const { name, raw } of parameters) {
      if (name !== 'boundary') continue
      const strict = strictValue(raw)
      exact &&= strict.exact
      seen.add(strict.value)
    }
    for (const joined of extendedValues(parameters, 'boundary')) seen.add(joined)
  }
  const [boundary = ''] = seen
  if (boundary === '' || boundary.length > BOUNDARY_MAX) {
    defects.push('a multipart without a boundary that can be used')
    return undefined
  }
  if (seen.size > 1 || !exact) defects.push('a boundary that can be read in two ways')
  return Buffer.from(boundary.trimEnd(), 'latin1')
}
