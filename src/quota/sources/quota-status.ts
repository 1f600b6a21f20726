import { connect, type Socket } from 'node:net'
import { errorText } from '../../fault.ts'
import { policyAction, policyQuestion, readingOf } from './policy-words.ts'
import type { Reading, ReadMailbox } from './reading.ts'

export interface QuotaStatusOptions {
  /** `unix:/PATH` or `inet:HOST:PORT`. */
  readonly address: string
  /** Milliseconds for an answer. */
  readonly patience: number
}

/** Connections that are kept, and those that may be open at once. */
const KEPT = 8
const OPEN = 64
/** Bytes of an answer. */
const ANSWER_MAX = 4096

/**
 * Asks Dovecot's quota-status service, which speaks the protocol of Postfix's
 * SMTPD_POLICY_README: what Dovecot knows needs no access to the mailboxes, whatever their
 * format. It tells no numbers. The path is the name of the user there.
 */
export function quotaStatus({ address, patience }: QuotaStatusOptions): ReadMailbox {
  const idle: Socket[] = []
  let open = 0

  function dial(): Socket {
    const socket = connectTo(address)
    open++
    socket.on('error', () => {}) // told by `close`, which always follows
    socket.once('close', () => {
      open--
      const at = idle.indexOf(socket)
      if (at >= 0) idle.splice(at, 1)
    })
    return socket
  }

  function keep(socket: Socket): void {
    if (socket.destroyed || idle.length >= KEPT) socket.destroy()
    else idle.push(socket)
  }

  async function ask(question: Buffer, late: AbortSignal): Promise<string> {
    const kept = idle.pop()
    if (kept) {
      try {
        return await converse(kept, question, late, keep)
      } catch (error) {
        if (late.aborted) throw error // else it was closed while it was idle
      }
    }
    if (open >= OPEN) throw new Error(`${OPEN} questions wait for an answer already`)
    return converse(dial(), question, late, keep)
  }

  return async ({ path: user }, { incoming }): Promise<Reading> => {
    try {
      const late = AbortSignal.timeout(patience)
      return readingOf(await ask(policyQuestion(user, incoming), late))
    } catch (error) {
      return { found: 'trouble', why: `quota-status ${address}: ${errorText(error)}` }
    }
  }
}

/** `inet:HOST:PORT`, an IPv6 address in brackets, or `unix:/PATH`. */
function connectTo(address: string): Socket {
  if (address.startsWith('unix:')) return connect(address.slice('unix:'.length))
  const [, host = '', port] = /^inet:(.+):(\d+)$/.exec(address) ?? []
  return connect(Number(port), host.replace(/^\[|\]$/g, ''))
}

/** One question and its answer; then the socket goes to `done`, or is destroyed. */
function converse(
  socket: Socket,
  question: Buffer,
  late: AbortSignal,
  done: (socket: Socket) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = Buffer.alloc(0)

    function end(error: Error | undefined, action = ''): void {
      socket.off('data', hear)
      socket.off('close', closed)
      late.removeEventListener('abort', tooLate)
      if (error) {
        socket.destroy()
        reject(error)
      } else {
        done(socket)
        resolve(action)
      }
    }
    function hear(chunk: Buffer): void {
      heard = Buffer.concat([heard, chunk])
      const action = policyAction(heard)
      if (action !== undefined) end(undefined, action)
      else if (heard.length > ANSWER_MAX) end(new Error('an answer without end'))
    }
    const closed = () => end(socket.errored ?? new Error('closed without an answer'))
    const tooLate = () => end(new Error('no answer in time'))

    socket.on('data', hear)
    socket.on('close', closed)
    late.addEventListener('abort', tooLate)
    socket.write(question)
  })
}
