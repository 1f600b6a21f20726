/**
 * The messages in what `doveadm fetch 'user mailbox uid size.physical text' ...` prints (doveadm-fetch(1)): lines with the
 * fields of a message, its bytes, and a line with a form feed before the next one. A message may contain such lines, so its
 * end is known by its size alone.
 */
export interface DoveadmMail {
  /** Its user, mailbox and UID, as far as they are printed: `ann INBOX 5`. */
  readonly file: string
  /** Its user and mailbox. */
  readonly mailbox: string
  /** Yields the bytes of the message. Throws for more than `maxSize`. What the caller does not read is skipped. */
  pieces(maxSize: number): AsyncGenerator<Buffer>
}

/** Upper limit, in bytes, for a line with a field. */
const LINE_MAX = 8192
/** The line before the next message. */
const END = '\f'

/**
 * Yields the messages of an input. Read each before the next one is asked for. Throws if the input does not have that form:
 * what follows is then not read.
 */
export async function* doveadmMails(input: AsyncIterable<Buffer>): AsyncGenerator<DoveadmMail> {
  const reader = new InputReader(input)
  while (await reader.hasMore()) {
    const fields = new Map<string, string>()
    for (;;) {
      const line = await reader.line()
      if (line === 'text:') break
      const [, name = '', value = ''] = /^([\w.]+): (.*)$/.exec(line) ?? []
      if (name === '' && fields.size === 0)
        fields.set('user', line) // as the option -A has it
      else if (name === '') throw malformed(`a line that is not a field: ${JSON.stringify(line)}`)
      else fields.set(name, value)
    }
    const size = Number(fields.get('size.physical') ?? Number.NaN)
    if (!Number.isSafeInteger(size)) throw malformed('no size.physical before the text')
    const rest = { left: size }
    const mailbox = `${fields.get('user') ?? ''} ${fields.get('mailbox') ?? ''}`.trim()
    const file = `${mailbox} ${fields.get('uid') ?? ''}`.trim()
    async function* pieces(maxSize: number) {
      if (size > maxSize) throw new Error(`is larger than ${maxSize} bytes (--max-size)`)
      yield* reader.bytes(rest)
    }
    yield { file, mailbox, pieces }
    for await (const _ of reader.bytes(rest)); // which the caller has not read
    if ((await reader.hasMore()) && (await reader.line()) !== END)
      throw malformed('a message that is not as long as its size.physical')
  }
}

const malformed = (what: string) =>
  new Error(
    `standard input has ${what}; it must be the output of doveadm fetch 'user mailbox uid size.physical text' QUERY`,
  )

/** Reads lines and numbers of bytes. */
class InputReader {
  readonly #input: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(input: AsyncIterable<Buffer>) {
    this.#input = input[Symbol.asyncIterator]()
  }

  /** Whether a byte is left. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.length === 0) if (!(await this.#read())) return false
    return true
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#input.next()
    if (done) return false
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value])
    return true
  }

  /** Resolves to the next line, as latin1 without its end. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf('\n')
      const length = end < 0 ? this.#rest.length : end
      if (length > LINE_MAX) throw malformed(`a line of more than ${LINE_MAX} bytes`)
      if (end < 0 && !(await this.#read())) throw malformed('an incomplete message')
      if (end < 0) continue
      const line = this.#rest.toString('latin1', 0, end)
      this.#rest = this.#rest.subarray(end + 1)
      return line
    }
  }

  /** Yields the next bytes, and counts them down. Throws if the input ends before. */
  async *bytes(rest: { left: number }): AsyncGenerator<Buffer> {
    while (rest.left > 0) {
      if (!(await this.hasMore())) throw malformed('an incomplete message')
      const piece = this.#rest.subarray(0, rest.left)
      this.#rest = this.#rest.subarray(piece.length)
      rest.left -= piece.length
      yield piece
    }
  }
}
