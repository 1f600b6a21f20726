import type { Socket } from 'node:net'
import { errorText } from '../../runtime/fault.ts'
import type { ColdWay } from '../../visible/live/told.ts'
import type { Account } from '../shared/memory.ts'
import { acknowledgement, goCold, heartbeat } from './carry-out.ts'
import { GoCold } from './go-cold.ts'
import { createRequestReader, type Request } from './request.ts'

/** Milliseconds: doc/slot-protocol.md, "Time". */
export const SILENCE_MAX = 10_000
const HEAD_WITHIN = 10_000
const BEYOND_TIME_LEFT = 2_000
/** Who sends a byte now and then must not hold memory for ever, whatever time it has. */
const SEND_WITHIN = 60_000
const ACKNOWLEDGE_AFTER = 250
const HEARTBEAT_AFTER = 600
/** For a client that does not take its answer. */
const LEAVE_WITHIN = 3_000

/**
 * Where a conversation stands. `waiting`: its head is not whole, and it counts as nobody's;
 * `leaving`: the last word was said.
 */
export type Phase = 'waiting' | 'sending' | 'judging' | 'leaving' | 'closed'

/** What a conversation needs of the slot server. */
export interface SlotServer {
  readonly maxSize: number
  readonly account: Account
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** Called once the head is whole; throws GoCold where there is no room for one more. */
  admit(): void
  answer(request: Request, gone: AbortSignal, elapsed: () => number): Promise<Buffer>
  /** What is told of messages that are withheld from scanners. */
  withheld(): Buffer
  /** The conversation is over and holds nothing any more. */
  left(): void
  /** The client has no answer. */
  cold(way: ColdWay): void
  /** For trouble of ours; what concerns a message is the client's to log. */
  log(line: string): void
}

export interface SlotSession {
  readonly phase: Phase
  /** Says what is due, and ends what takes too long; called a few times a second. */
  tick(): void
  /** Tells the client to go cold, and ends. */
  dismiss(why: string): void
}

/** One conversation: one message. */
export function openSession(socket: Socket, server: SlotServer): SlotSession {
  const reader = createRequestReader({ maxSize: server.maxSize, charge: server.account.charge })
  const gone = new AbortController()
  const began = server.now()
  let phase: Phase = 'waiting'
  let heard = began
  let said = 0 // when, once the request was acknowledged
  let headAt = 0
  let leaveAt = 0
  let judged = true // that is: nobody is at it

  socket.on('data', hear)
  socket.on('end', () => {
    if (phase === 'waiting' || phase === 'sending') socket.destroy()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    if (phase === 'sending' || phase === 'judging') server.cold('left')
    phase = 'closed'
    if (!judged) gone.abort()
    leaveIfDone()
  })

  function hear(chunk: Buffer): void {
    if (phase === 'leaving' || phase === 'closed') return
    heard = server.now()
    try {
      reader.push(chunk)
      if (reader.asksWithheld) leave(server.withheld())
      else if (phase === 'waiting' && reader.head !== undefined) {
        server.admit()
        headAt = heard
        phase = 'sending'
      }
    } catch (error) {
      giveUp(error)
    }
    if (phase !== 'sending') return
    if (reader.request !== undefined) void judge(reader.request)
    else if (said === 0) say(acknowledgement) // it may be waiting for that
  }

  async function judge(request: Request): Promise<void> {
    phase = 'judging'
    judged = false
    try {
      const answer = await server.answer(request, gone.signal, () => server.now() - began)
      judged = true
      if (isOpen()) leave(said === 0 ? Buffer.concat([acknowledgement, answer]) : answer)
    } catch (error) {
      judged = true
      giveUp(error)
    }
    leaveIfDone()
  }

  /** (A function of its own: the phase changes while an answer is awaited.) */
  function isOpen(): boolean {
    return phase !== 'leaving' && phase !== 'closed'
  }

  function giveUp(error: unknown): void {
    if (!isOpen()) return
    const why = errorText(error)
    if (!(error instanceof GoCold)) server.log(why)
    server.cold('told')
    leave(goCold(why))
  }

  function say(words: Buffer): void {
    said = server.now()
    socket.write(words)
  }

  function leave(lastWords: Buffer): void {
    phase = 'leaving'
    leaveAt = server.now()
    socket.end(lastWords, () => socket.destroy())
  }

  /** What a scanner still looks at is in memory still. */
  function leaveIfDone(): void {
    if (phase !== 'closed' || !judged) return
    reader.free()
    server.account.close()
    server.left()
  }

  function overdue(now: number): string | undefined {
    if (phase === 'waiting' && now - began > HEAD_WITHIN) return 'said too little in too long'
    if (phase === 'sending' && now - heard > SILENCE_MAX) return 'fell silent'
    const timeLeft = Math.min((reader.head?.timeLeft ?? 0) + BEYOND_TIME_LEFT, SEND_WITHIN)
    return phase === 'sending' && now - headAt > timeLeft ? 'took too long to send' : undefined
  }

  return {
    get phase() {
      return phase
    },
    tick() {
      const now = server.now()
      const why = overdue(now)
      if (why !== undefined) giveUp(new GoCold(why))
      else if (phase === 'leaving' && now - leaveAt > LEAVE_WITHIN) socket.destroy()
      else if (phase !== 'sending' && phase !== 'judging') return
      else if (said === 0) {
        if (now - headAt > ACKNOWLEDGE_AFTER) say(acknowledgement)
      } else if (now - said > HEARTBEAT_AFTER) say(heartbeat)
    },
    dismiss: (why) => giveUp(new GoCold(why)),
  }
}
