import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { errorCode, Fault } from '../../../base/errors/fault.ts'
import { isUnderSystemd } from '../../../base/systemd/bound-paths.ts'
import {
  COMMAND_STREAMS,
  createFrameReader,
  frame,
  frameType,
  PROTOCOL_VERSION,
  RUN,
} from './slot-frames.ts'

/**
 * A command of onescan that onescand runs for root: in onescand's unit, with its account and rights. Otherwise
 * root itself would have to switch to that account. slot-protocol.md describes both sides of the conversation.
 */
export interface ServiceCommand {
  readonly program: 'onescan' | 'onescand'
  readonly args: readonly string[]
  /** The user who typed the command, for logs. */
  readonly caller: string
}

/**
 * The variable that names the caller for a program. The program then shows on standard error that it runs for
 * that caller.
 */
export const CALLER = 'ONESCAN_CALLER'

const { input, output, errors } = COMMAND_STREAMS

/** Bytes of a frame that is taken: a pipe has as many. */
const ANSWER_PIECE_MAX = 1024 * 1024

/** A command that runs in onescand, as root sees it. */
export class ServiceRun {
  readonly #socket: Socket
  readonly stdin: Writable
  readonly stdout: PassThrough = new PassThrough()
  readonly stderr: PassThrough = new PassThrough()
  /** Resolves to its exit code. Rejects if onescand does not run it, or disconnects. */
  readonly exit: Promise<number>

  /** Sends the command to the onescand at a socket. */
  constructor(path: string, command: ServiceCommand) {
    const socket = connect({ path, allowHalfOpen: true })
    this.#socket = socket
    socket.write(frame(frameType.version, Buffer.from(PROTOCOL_VERSION)))
    socket.write(frame(RUN, Buffer.from(JSON.stringify(command))))
    this.stdin = new Writable({
      write: (bytes, _, done) => void socket.write(frame(input, bytes), done),
      final: (done) => void socket.write(frame(input), done),
    })
    this.stdin.on('error', () => {}) // `exit` reports it
    this.exit = this.#read(path)
    this.exit.catch(() => {}) // the caller that awaits it gets the error
  }

  /** Ends it. */
  readonly close = (): void => {
    this.#socket.on('error', () => {})
    this.#socket.destroy()
    for (const stream of [this.stdout, this.stderr]) stream.end()
  }

  async #read(path: string): Promise<number> {
    const reader = createFrameReader((_, length) => {
      if (length > ANSWER_PIECE_MAX) throw new Error('the answer of onescand is too long')
    })
    try {
      for await (const chunk of this.#socket) {
        reader.push(chunk)
        for (let next = reader.next(); next; next = reader.next()) {
          const { type, payload } = next
          if (type === RUN) return payload[0] ?? 255
          const stream = { [output]: this.stdout, [errors]: this.stderr }[type]
          if (stream === undefined) throw new Error('onescand runs no command for this account')
          if (!stream.write(Buffer.from(payload))) await once(stream, 'drain')
        }
      }
      throw new Error('onescand stopped it')
    } catch (error) {
      const isThere = !['ENOENT', 'ECONNREFUSED', 'EACCES'].includes(errorCode(error))
      if (isThere) throw error
      const reason = `this command needs a running onescand, and none answers at ${path}`
      const remedy = isUnderSystemd()
        ? 'run systemctl start onescand'
        : 'start its service: svc -u /service/onescand'
      throw new Fault('config', `${reason}; ${remedy}`, error)
    } finally {
      this.close()
    }
  }
}
