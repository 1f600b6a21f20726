import type { Socket } from 'node:net'
import { errorText } from '../../fault.ts'
import { HEADER_MAX } from '../../message/header-block.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import type { Session } from './session.ts'
import { parseCommand } from './wire/commands.ts'
import { createPacketReader } from './wire/packets.ts'
import { deferred, progress } from './wire/replies.ts'
import { WireError } from './wire/wire-error.ts'

/** Bytes of a packet: a header as large as any that is looked at, in one field. */
export const PACKET_MAX = HEADER_MAX + 64 * 1024
/** Bytes that may wait while a message is judged; an MTA waits for the answer and sends none. */
const WAITING_MAX = 256 * 1024
/** Bytes of answers that an MTA has not taken when the next one is due; one alone may be larger. */
const UNTAKEN_MAX = 256 * 1024

/** Milliseconds. */
export interface Patience {
  /** Between signs that a message is still being judged; Sendmail and Postfix wait 300 s at most. */
  readonly progressAfter: number
  /** Of silence amid a message's content or a packet, which an MTA has whole before it begins. */
  readonly stalled: number
  /** Of silence otherwise: an SMTP client may think as long; libmilter's own default. */
  readonly idle: number
  /** For the last word to be taken. */
  readonly leaving: number
}

export const standardPatience: Patience = {
  progressAfter: 10_000,
  stalled: 600_000,
  idle: 7_210_000,
  leaving: 5_000,
}

export interface Connection {
  /** Says what is due, and ends what takes too long; called every second or so. */
  tick(): void
  /** No more messages: at once, or when the one that is here is over. */
  finish(): void
  /** What is under way is put off, and the connection ends. */
  dismiss(): void
}

export interface ConnectionOptions {
  readonly session: Session
  readonly patience: Patience
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** For trouble with the MTA. */
  log(line: string): void
  closed(): void
}

/** Carries packets between a socket and a session, one command after the other. */
export function openConnection(socket: Socket, options: ConnectionOptions): Connection {
  const { session, patience, now, log } = options
  const reader = createPacketReader(PACKET_MAX)
  let heard = now()
  let said = heard
  let busy = false // with a command whose answer takes time
  let waiting = 0 // bytes that came meanwhile
  let finishing = false
  let leaveAt: number | undefined

  socket.on('data', hear)
  socket.on('end', () => {
    if (reader.amidst && !isLeaving()) log(`milter: ${who()} stopped amid a packet`)
    leave()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    leave()
    options.closed()
  })

  function who(): string {
    return `the MTA${socket.remoteAddress ? ` at ${socket.remoteAddress}` : ''}`
  }

  function isLeaving(): boolean {
    return leaveAt !== undefined
  }

  function hear(chunk: Buffer): void {
    if (isLeaving()) return
    heard = now()
    reader.push(chunk)
    if (!busy) {
      void work()
      if (!busy) freeBuffer(chunk) // read to its end; sessions keep copies alone
      return
    }
    waiting += chunk.length
    if (waiting > WAITING_MAX) socket.pause()
  }

  async function work(): Promise<void> {
    busy = true
    try {
      for (let packet = reader.next(); packet && !isLeaving(); packet = reader.next()) {
        const answer = session.take(parseCommand(packet))
        if (answer instanceof Promise) {
          said = now()
          say(await answer)
          heard = now()
        } else {
          say(answer)
        }
        if (session.over || (finishing && !session.amidMessage)) leave()
      }
    } catch (error) {
      giveUp(error)
    } finally {
      busy = false
      waiting = 0
      if (socket.isPaused()) socket.resume()
    }
  }

  function say(answer: Buffer | undefined): void {
    if (answer === undefined || isLeaving()) return
    said = now()
    if (socket.writableLength > UNTAKEN_MAX) socket.destroy()
    else socket.write(answer)
  }

  /** Whatever the MTA does with a filter that leaves, it has been told to put the message off. */
  function giveUp(error: unknown): void {
    const stack = error instanceof Error && !(error instanceof WireError) ? error.stack : undefined
    log(`milter: ${who()}: ${stack ?? errorText(error)}`)
    say(deferred)
    leave()
  }

  /** What came and was not worked on yet never will be. */
  function leave(): void {
    if (isLeaving()) return
    leaveAt = now()
    session.close()
    socket.end()
  }

  return {
    tick() {
      const time = now()
      if (leaveAt !== undefined) {
        if (time - leaveAt > patience.leaving) socket.destroy()
      } else if (busy) {
        if (session.amidContent && time - said >= patience.progressAfter) say(progress)
      } else {
        const stalled = reader.amidst || session.amidContent
        if (time - heard > (stalled ? patience.stalled : patience.idle)) {
          giveUp(new WireError('fell silent'))
        }
      }
    },
    finish() {
      finishing = true
      if (!session.amidMessage && !busy) leave()
    },
    dismiss() {
      if (isLeaving()) return
      say(deferred)
      leave()
    },
  }
}
