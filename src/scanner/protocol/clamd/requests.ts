import { LF, NUL } from '../../../base/bytes/ascii.ts'
import { startsWith } from '../../../base/bytes/buffers.ts'
import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import { addWaiting } from '../frames.ts'
import { CHUNK_HEAD } from './stream.ts'

/** The end of a command, and of the reply to it. `z` or `n` before the command selects it (clamd(8)). */
export type Ending = '\0' | '\n'

/** The context in which a command is valid. */
interface CommandSyntax {
  /** Whether it is valid without a prefix, in its old form. */
  readonly isOld?: true
  /** Whether it is valid between IDSESSION and END. */
  readonly isInSession?: true
  readonly takesPath?: true
}

/** The commands that clients of clamd send. */
const commandSyntax = {
  PING: { isOld: true, isInSession: true },
  VERSION: { isOld: true, isInSession: true },
  VERSIONCOMMANDS: { isInSession: true },
  STATS: { isInSession: true },
  RELOAD: { isOld: true },
  SELFCHECK: { isOld: true },
  SHUTDOWN: { isOld: true },
  DETSTATS: { isOld: true },
  DETSTATSCLEAR: { isOld: true },
  INSTREAM: { isInSession: true },
  FILDES: { isOld: true, isInSession: true },
  SCAN: { isOld: true, isInSession: true, takesPath: true },
  CONTSCAN: { isOld: true, takesPath: true },
  MULTISCAN: { isOld: true, takesPath: true },
  ALLMATCHSCAN: { takesPath: true },
  IDSESSION: {},
  END: { isInSession: true },
} as const satisfies Record<string, CommandSyntax>
type CommandName = keyof typeof commandSyntax

export type ClamdCommand = {
  readonly kind: 'command'
  /** Undefined if it is unknown, or not valid here. */
  readonly name: CommandName | undefined
  /** In latin1, or '' for commands without one. */
  readonly path: string
  readonly ending: Ending
  /** Whether it has no prefix. */
  readonly isOld: boolean
  /** Whether it is not a command, but an MTA that uses this as a milter. */
  readonly isOfMilter: boolean
}

/** A request of a client of clamd. */
type ClamdRequest =
  | ClamdCommand
  /** Some of the bytes after INSTREAM, valid until the next call of the reader. */
  | { readonly kind: 'piece'; readonly bytes: Buffer }
  /** The length of zero, which ends them. */
  | { readonly kind: 'end' }
  /** The byte after FILDES. The descriptor, if any, has arrived by now. */
  | { readonly kind: 'descriptor' }

/** Maximum length of a command in bytes: a path, and a word. */
export const CLAMD_COMMAND_MAX = 4096 + 64
const PREFIX = { z: 0x7a, n: 0x6e } as const
const NOTHING = Buffer.alloc(0)
/** The beginning of a milter connection: the length of the negotiation, and its command (libmilter, mfdef.h). */
const MILTER_OPENING = Buffer.from('\0\0\0\x0dO', 'latin1')

/** The stream of a client is longer than is allowed. */
export class StreamTooLong extends WireError {}

/**
 * Parses the requests of a client of clamd from any split of their bytes. A command without a prefix ends
 * with the bytes received until now: clamd takes the result of one read for a command (server-th.c, get_cmd).
 */
export class ClamdRequestReader {
  readonly #streamMax: number
  readonly #pieces: Buffer[] = []
  #isSession = false
  #expected: 'command' | 'length' | 'piece' | 'descriptor' = 'command'
  /** The missing bytes of the chunk. */
  #left = 0
  /** Bytes of the stream, as its chunks have announced them. */
  #announced = 0

  /** At most `streamMax` bytes after INSTREAM are read. */
  constructor(streamMax: number) {
    this.#streamMax = streamMax
  }

  /** Takes the next bytes, in any split. They must not be changed before they are read. */
  push(chunk: Buffer): void {
    addWaiting(this.#pieces, chunk)
  }

  /** The bytes that have not been read yet. */
  get pending(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  /** Whether IDSESSION was read. */
  get isSession(): boolean {
    return this.#isSession
  }

  /** Whether a request has begun that is not complete. */
  get isAmidst(): boolean {
    return this.#expected !== 'command' || this.#pieces.length > 0
  }

  /** Whether a command was read that more bytes belong to. */
  get isBehindCommand(): boolean {
    return this.#expected !== 'command'
  }

  /**
   * Returns the next request, or undefined until more bytes arrive. Throws StreamTooLong if a chunk exceeds
   * the rest of `streamMax`, before a byte of it is read, and a WireError if a command is too long.
   */
  next(): ClamdRequest | undefined {
    switch (this.#expected) {
      case 'command':
        return this.#command()
      case 'descriptor':
        if (this.#takeUpTo(1) === undefined) return undefined
        this.#expected = 'command'
        return { kind: 'descriptor' }
      case 'length':
        return this.#chunk()
      case 'piece':
        return this.#piece()
    }
  }

  #command(): ClamdCommand | undefined {
    const all = this.#gathered()
    const [first] = all
    if (first === undefined) return undefined
    const isPrefixed = first === PREFIX.z || first === PREFIX.n
    const end = endOf(all, first)
    const length = end ?? all.length
    if (length > CLAMD_COMMAND_MAX) throw new WireError('a command that is too long')
    const text = all.toString('latin1', isPrefixed ? 1 : 0, length)
    if (end === undefined && isPrefixed) return undefined
    this.#takeUpTo(length + 1)
    const isOfMilter = startsWith(all, MILTER_OPENING)
    return { ...this.#commandOf(text, isPrefixed, first === PREFIX.z ? '\0' : '\n'), isOfMilter }
  }

  #commandOf(text: string, isPrefixed: boolean, ending: Ending): Omit<ClamdCommand, 'isOfMilter'> {
    const line = ending === '\n' ? text.replace(/\r$/, '') : text
    const [, word = '', path] = /^([^ ]*)(?: (.*))?$/s.exec(line)!
    const syntax = Object.hasOwn(commandSyntax, word)
      ? commandSyntax[word as CommandName]
      : undefined
    const { isOld, isInSession, takesPath }: CommandSyntax = syntax ?? {}
    const mayStand = this.#isSession
      ? isPrefixed && isInSession
      : (isPrefixed || isOld) && word !== 'END'
    const isKnown =
      syntax !== undefined && mayStand && (path !== undefined) === (takesPath ?? false)
    const name = isKnown ? (word as CommandName) : undefined
    if (name === 'IDSESSION') this.#isSession = true
    if (name === 'INSTREAM') this.#expected = 'length'
    if (name === 'FILDES') this.#expected = 'descriptor'
    return { kind: 'command', name, path: path ?? '', ending, isOld: !isPrefixed }
  }

  #chunk(): ClamdRequest | undefined {
    if (this.pending < CHUNK_HEAD) return undefined
    if (this.#pieces[0]!.length < CHUNK_HEAD) this.#gathered()
    const length = this.#takeUpTo(CHUNK_HEAD)!.readUInt32BE()
    this.#announced += length
    if (this.#announced > this.#streamMax) throw new StreamTooLong('a stream that is too long')
    this.#left = length
    this.#expected = length > 0 ? 'piece' : 'command'
    if (length > 0) return this.#piece()
    this.#announced = 0
    return { kind: 'end' }
  }

  #piece(): ClamdRequest | undefined {
    const bytes = this.#takeUpTo(this.#left)
    if (bytes === undefined) return undefined
    this.#left -= bytes.length
    if (this.#left === 0) this.#expected = 'length'
    return { kind: 'piece', bytes }
  }

  /** All bytes that wait, in one piece. */
  #gathered(): Buffer {
    if (this.#pieces.length > 1) {
      this.#pieces.splice(0, Number.POSITIVE_INFINITY, Buffer.concat(this.#pieces))
    }
    return this.#pieces[0] ?? NOTHING
  }

  /** Returns some of the next bytes without a copy, or undefined if none have arrived. */
  #takeUpTo(length: number): Buffer | undefined {
    const [piece] = this.#pieces
    if (piece === undefined) return undefined
    if (piece.length > length) this.#pieces[0] = piece.subarray(length)
    else this.#pieces.shift()
    return piece.subarray(0, length)
  }
}

/** The index of the byte that ends a command whose first byte is this one. */
function endOf(bytes: Buffer, first: number | undefined): number | undefined {
  const ends = first === PREFIX.z ? [NUL] : first === PREFIX.n ? [LF] : [LF, NUL]
  const found = ends.map((end) => bytes.indexOf(end)).filter((at) => at >= 0)
  return found.length === 0 ? undefined : Math.min(...found)
}
