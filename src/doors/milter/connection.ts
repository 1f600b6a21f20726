import type { Socket } from 'node:net'
import { HEADER_MAX } from '../../message/header-block.ts'
import { errorText, isFault } from '../../runtime/fault.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import type { Account } from '../shared/memory.ts'
import type { MilterSession } from './session.ts'
import { parseCommand } from './wire/commands.ts'
import { MACROS_MAX } from './wire/macros.ts'
import { createPacketReader, type PacketMemory } from './wire/packets.ts'
import { deferred, progress } from './wire/replies.ts'
import { WireError } from './wire/wire-error.ts'

/** Bytes of a packet: a header as large as any that is looked at, in one field. */
export const PACKET_MAX = HEADER_MAX + 64 * 1024
/** Bytes of a packet that is no content: a command of SMTP, or macros. */
export const COMMAND_MAX = 1 + MACROS_MAX
const CONTENT = 'LBE'
/** Bytes of a packet before the negotiation: that has thirteen. */
const OFFER_MAX = 64
/** Bytes that may wait while a message is judged; an MTA waits for the answer and sends none. */
const WAITING_MAX = 256 * 1024
/** Bytes of answers that an MTA has not taken when the next one is due; one alone may be larger. */
const UNTAKEN_MAX = 256 * 1024

/** Milliseconds. */
export interface Timeouts {
  /** From the connection to the end of the negotiation, which MTAs begin at once. */
  readonly negotiation: number
  /** Between signs that a message is still being judged; Sendmail and Postfix wait 300 s at most. */
  readonly progressAfter: number
  /** Of silence amid a message's content or a packet, which an MTA has whole before it begins. */
  readonly stalled: number
  /** Of silence otherwise: an SMTP client may think as long; libmilter's own default. */
  readonly idle: number
  /** For the last word to be taken. */
  readonly leaving: number
}

export const standardTimeouts: Timeouts = {
  negotiation: 10_000,
  progressAfter: 10_000,
  stalled: 600_000,
  idle: 7_210_000,
  leaving: 5_000,
}

export interface Connection {
  /** How it stands, for who has to choose one that must go. */
  standing(): Standing
  /** Goes at once in favour of another one; a message under way is put off. */
  evict(): void
  /** Says what is due, and ends what takes too long; called every second or so. */
  tick(): void
  /** No more messages: at once, or when the one that is here is over. */
  finish(): void
  /** What is under way is put off, and the connection ends. */
  dismiss(): void
}

export interface Standing {
  readonly negotiated: boolean
  /** Whether its message is judged, or a question of its is asked elsewhere. */
  readonly busy: boolean
  readonly amidPacket: boolean
  readonly amidMessage: boolean
  readonly amidContent: boolean
  /** When it said something for the last time; at first, when it came. */
  readonly heard: number
}

export interface ConnectionOptions {
  readonly session: MilterSession
  /** For what has come of a packet and is no whole one, and for what comes while it is busy. */
  readonly account: Account
  readonly timeouts: Timeouts
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** For trouble with the MTA. */
  log(line: string): void
  /** Nothing more is heard of it, and it holds nothing any more. */
  left(): void
  closed(): void
}

/** Carries packets between a socket and a session, one command after the other. */
export function openConnection(socket: Socket, options: ConnectionOptions): Connection {
  const { session, account, timeouts, now, log } = options
  const memory: PacketMemory = {
    charge: (bytes) => account.charge(bytes),
    release(packet) {
      account.release(packet.length)
      freeBuffer(packet) // at once, for the garbage collector may take its time
    },
  }
  const reader = createPacketReader(PACKET_MAX, { lengthOf, memory })
  const began = now()
  let heard = began
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

  function lengthOf(command: string): number {
    if (!session.negotiated) return OFFER_MAX
    return CONTENT.includes(command) ? PACKET_MAX : COMMAND_MAX
  }

  function isLeaving(): boolean {
    return leaveAt !== undefined
  }

  function hear(chunk: Buffer): void {
    if (isLeaving()) return
    heard = now()
    reader.push(chunk)
    if (!busy) void work()
    if (!busy)
      freeBuffer(chunk) // read to its end; sessions keep copies alone
    else letWait(reader.pending)
  }

  function letWait(bytes: number): void {
    try {
      account.charge(bytes - waiting)
      waiting = bytes
      if (waiting > WAITING_MAX) socket.pause()
    } catch (error) {
      giveUp(error)
    }
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
      if (!isLeaving()) {
        account.release(waiting)
        if (!reader.amidst && !session.amidContent) reader.trim()
      }
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
    const isExpected = error instanceof WireError || isFault(error)
    const stack = error instanceof Error && !isExpected ? error.stack : undefined
    log(`milter: ${who()}: ${stack ?? errorText(error)}`)
    say(deferred)
    leave()
  }

  /** What came and was not worked on yet never will be. */
  function leave(): void {
    if (isLeaving()) return
    leaveAt = now()
    session.close()
    reader.close()
    account.close()
    socket.end()
    options.left()
  }

  function evict(): void {
    if (session.amidMessage) log(`milter: ${who()} was silent and went for another one`)
    if (session.negotiated) say(deferred)
    leave()
    socket.destroySoon()
  }

  return {
    standing: () => ({
      negotiated: session.negotiated,
      busy,
      amidPacket: reader.amidst,
      amidMessage: session.amidMessage,
      amidContent: session.amidContent,
      heard,
    }),
    evict,
    tick() {
      const time = now()
      if (leaveAt !== undefined) {
        if (time - leaveAt > timeouts.leaving) socket.destroy()
      } else if (!session.negotiated) {
        if (time - began > timeouts.negotiation) evict()
      } else if (busy) {
        if (session.amidContent && time - said >= timeouts.progressAfter) say(progress)
      } else {
        const stalled = reader.amidst || session.amidContent
        if (time - heard > (stalled ? timeouts.stalled : timeouts.idle)) {
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
