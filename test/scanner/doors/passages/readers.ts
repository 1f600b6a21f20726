/** The values of all X-QHPSI fields as programs read them, by the names of the programs. */
export type Fields = Readonly<Record<string, readonly string[]>>

/**
 * Programs that look for a field line by line, as mail filters and scripts do: each way to end
 * lines and headers that some of them have.
 */
interface LineReader {
  readonly name: string
  readonly lineEnd: RegExp
  /** The line behind which the body begins. */
  readonly emptyLine: RegExp
  readonly lfAlone?: true
}

const lineReaders: readonly LineReader[] = [
  // One that never heard of CRLF is not asked about mail in CRLF.
  { name: 'lines of LF, up to an empty one', lineEnd: /\n/, emptyLine: /^$/, lfAlone: true },
  { name: 'lines of LF, up to one of CRs', lineEnd: /\n/, emptyLine: /^\r*$/ },
  { name: 'lines of LF, up to a blank one', lineEnd: /\n/, emptyLine: /^\s*$/ },
  { name: 'lines of LF, CRLF and CR', lineEnd: /\r\n|\n|\r/, emptyLine: /^$/ },
  { name: 'lines of LF and runs of CR', lineEnd: /\r*\n|\r+/, emptyLine: /^$/ },
]

/** Values of X-QHPSI as such a program finds them, unfolded. */
function valuesByLines(
  { lineEnd, emptyLine }: Pick<LineReader, 'lineEnd' | 'emptyLine'>,
  message: Buffer,
): string[] {
  const values: string[] = []
  let inField = false
  for (const line of message.toString('latin1').split(lineEnd)) {
    if (emptyLine.test(line)) break
    const [, value] = /^x-qhpsi[ \t]*:(.*)$/is.exec(line) ?? []
    if (value !== undefined) values.push(value)
    else if (inField && /^[ \t]/.test(line)) values.push(`${values.pop()}${line}`)
    inField = value !== undefined || (inField && /^[ \t]/.test(line))
  }
  return values.map((value) => value.trim())
}

/** Of all such programs that may see the message, by name. */
export function readByLines(message: Buffer): Fields {
  const isCrlf = message[message.indexOf(0x0a) - 1] === 0x0d
  const readers = lineReaders.filter(({ lfAlone }) => !(lfAlone && isCrlf))
  return Object.fromEntries(readers.map((reader) => [reader.name, valuesByLines(reader, message)]))
}
