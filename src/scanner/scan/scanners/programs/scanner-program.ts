import type { ChildProcess } from 'node:child_process'
import { attempt } from '../../../../base/errors/fault.ts'
import { standardError } from '../../../../base/log/log-queue.ts'

/** Upper limit, in bytes, for one scanner's output for one message in the log. */
const OUTPUT_MAX = 64 * 1024
/** Upper limit for the characters of a line: with its prefix it is one write of at most PIPE_BUF. */
const LINE_MAX = 900

/**
 * Forwards a scanner's stderr line by line, each line with the scanner's name and with control characters
 * escaped, so that a scanner cannot forge a line of onescan. Only 64 KiB are shown. A scanner never gets the
 * log's own descriptor: a runtime might set O_NONBLOCK on it and be killed, which would affect all processes
 * that log there.
 */
export class LineRelay {
  readonly #name: string
  /** Takes a line with its line end. */
  readonly #write: (line: string) => void
  #rest: Buffer = Buffer.alloc(0)
  #size = 0

  constructor(name: string, write: (line: string) => void) {
    this.#name = name
    this.#write = write
  }

  /** Takes the next bytes, in any split. */
  push(chunk: Buffer): void {
    if (this.#size > OUTPUT_MAX) return
    this.#size += chunk.length
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let end = this.#rest.indexOf('\n'); end >= 0; end = this.#rest.indexOf('\n')) {
      this.#show(this.#rest.subarray(0, end))
      this.#rest = this.#rest.subarray(end + 1)
    }
    if (this.#size > OUTPUT_MAX) {
      this.#rest = Buffer.alloc(0)
      const what = `wrote more than ${OUTPUT_MAX} bytes to stderr; the rest is not shown`
      this.#write(`${this.#name}: ${what}\n`)
    }
  }

  /** Passes on a last line that has no end. */
  end(): void {
    this.#show(this.#rest)
    this.#rest = Buffer.alloc(0)
  }

  #show(line: Buffer): void {
    const text = escapeControls(line.toString('utf8')).slice(0, LINE_MAX)
    if (text !== '') this.#write(`${this.#name}: ${text}\n`)
  }
}

/** Writes C0, DEL, C1 and Unicode's line ends as \xNN or \uNNNN. */
function escapeControls(text: string): string {
  return text.trimEnd().replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (character) => {
    const code = character.charCodeAt(0)
    return code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
  })
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}

/** Writes to descriptor 2, for programs that last and whose log that is. */
export function writeToLog(line: string): void {
  standardError.write(Buffer.from(line))
}

/** Milliseconds from TERM to KILL. */
export const KILLED_AFTER = 500

/**
 * Sends a signal to a detached child and its process group: KILL, or TERM, which KILL follows if the
 * child has not ended within KILLED_AFTER. Never throws.
 */
export function killGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  const { pid } = child
  if (pid === undefined) return // it was never started
  send(pid, signal)
  if (signal === 'SIGKILL') return
  const timer = setTimeout(() => send(pid, 'SIGKILL'), KILLED_AFTER)
  child.once('exit', () => clearTimeout(timer))
}

/** Does nothing if no process of the group is left. */
const send = (pid: number, signal: NodeJS.Signals) => attempt(() => process.kill(-pid, signal))
