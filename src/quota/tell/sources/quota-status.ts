import { connect, type Socket } from 'node:net'
import { errorText } from '../../../ground/errors/fault.ts'
import type { MailboxReading, ReadMailbox } from './reading.ts'

interface QuotaStatusOptions {
  /** `unix:/PATH` or `inet:HOST:PORT`. */
  readonly address: string
  /** Milliseconds for which a question waits for the list of users and for the answer together. */
  readonly timeout: number
}

/** Most connections that are kept while they are idle, and that are open at once. */
const KEPT = 8
const OPEN = 64
/** Most bytes of an answer. */
const ANSWER_MAX = 4096

/**
 * Asks Dovecot's quota-status service, which speaks the protocol of Postfix's SMTPD_POLICY_README.
 * It needs no access to the mailboxes and knows every format of theirs, but tells no numbers. The
 * path of a mailbox is the name of the user in Dovecot.
 */
export function quotaStatus({ address, timeout }: QuotaStatusOptions): ReadMailbox {
  const idle: Socket[] = []
  let open = 0

  function dial(): Socket {
    const socket = connectTo(address)
    open++
    socket.on('error', () => {}) // `close` always follows, and tells it
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
        if (late.aborted) throw error // otherwise it was closed while it was idle
      }
    }
    if (open >= OPEN) throw new Error(`${OPEN} questions wait for an answer already`)
    return converse(dial(), question, late, keep)
  }

  return async ({ path: user }, { incoming, waited = 0 }): Promise<MailboxReading> => {
    try {
      const late = AbortSignal.timeout(Math.max(1, Math.floor(timeout - waited)))
      return readingOf(await ask(policyQuestion(user, incoming), late))
    } catch (error) {
      return { found: 'trouble', why: `quota-status ${address}: ${errorText(error)}` }
    }
  }
}

/** Connects to `inet:HOST:PORT`, with an IPv6 address in brackets, or to `unix:/PATH`. */
function connectTo(address: string): Socket {
  if (address.startsWith('unix:')) return connect(address.slice('unix:'.length))
  const [, host = '', port] = /^inet:(.+):(\d+)$/.exec(address) ?? []
  return connect(Number(port), host.replace(/^\[|\]$/g, ''))
}

/** Sends a question and resolves to the action of its answer. `done` gets the socket back; after an error it is destroyed. */
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

/** A request of SMTPD_POLICY_README with the attributes that quota-status needs. */
export function policyQuestion(recipient: string, size: number): Buffer {
  const attributes = [
    'request=smtpd_access_policy',
    'protocol_state=RCPT',
    `recipient=${recipient}`,
    `size=${size}`,
  ]
  return Buffer.from(`${attributes.join('\n')}\n\n`, 'latin1')
}

/** The action of an answer; '' if it has none. Undefined while the answer is incomplete. */
export function policyAction(heard: Buffer): string | undefined {
  const text = heard.toString('latin1')
  const end = text.indexOf('\n\n')
  if (end < 0) return undefined
  const line = text
    .slice(0, end)
    .split('\n')
    .find((line) => line.startsWith('action='))
  return line?.slice('action='.length).trim() ?? ''
}

const ROOM = /^(OK|DUNNO|PERMIT)\b/i
/** X.2.2 is "mailbox full" (RFC 3463 3.3); 452 and 552 are SMTP's replies about storage. */
const FULL = /^(?:[45]\d\d |REJECT |DEFER )?[45]\.2\.2\b|^[45]52\b/i
const NOBODY = /^(?:5\d\d |REJECT )?5\.1\.1\b|^REJECT Unknown user/i

/**
 * Reads an action of quota-status. Administrators can set all of them in Dovecot
 * (quota_status_success, _overquota, _nouser); an unusual one is trouble.
 */
export function readingOf(action: string): MailboxReading {
  const source = 'quota-status'
  if (ROOM.test(action)) return { found: 'compared', full: false, source }
  if (FULL.test(action)) return { found: 'compared', full: true, source }
  if (NOBODY.test(action)) return { found: 'no-such-user' }
  return { found: 'trouble', why: `quota-status answered ${action || 'nothing'}` }
}
