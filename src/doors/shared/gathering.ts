import { holdMessage, type LookOptions } from '../../message/held.ts'
import { createSpool, type Message, type Spool } from '../../message/spool.ts'
import { faultKindOf } from '../../runtime/fault.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import type { Account } from './memory.ts'

/** Bytes of a message that are kept in memory; a larger one goes to a file without a name. */
export const HELD_MAX = 128 * 1024
/** What is allocated at first. */
const FIRST_PIECE = 8 * 1024

/** The bytes of a message while they come, header block and body in one. */
export interface Gathering {
  /** What is in memory so far: all of it, as long as nothing but `hold` was called. */
  readonly held: Buffer
  /** Bytes of its header block, which stay in memory. */
  hold(bytes: Buffer): void
  /** Bytes of its body. */
  keep(bytes: Buffer): void
  /** The message, to be closed; nothing may be added any more. */
  finish(): Message
  /** Frees everything: if it does not become a message, or once that is closed. */
  discard(): void
}

/**
 * In memory, which is charged to `account`, up to HELD_MAX; a larger message, or one for which there
 * is no more, goes to an anonymous file. Faults: `temp-file` and `write`, of the spool, and `out-of-memory`.
 */
export function createGathering(options: LookOptions, account: Account): Gathering {
  account.charge(FIRST_PIECE)
  let held = Buffer.allocUnsafe(FIRST_PIECE)
  let length = 0
  let spool: Spool | undefined

  function hold(bytes: Buffer, most = Number.POSITIVE_INFINITY): void {
    if (held.length < length + bytes.length) {
      const size = Math.max(length + bytes.length, Math.min(2 * held.length, most))
      account.charge(size)
      const larger = Buffer.allocUnsafe(size)
      held.copy(larger, 0, 0, length)
      giveUp()
      held = larger
    }
    length += bytes.copy(held, length)
  }

  /** Whether the message stays in memory: not if it is large, nor if there is no more. */
  function isHeld(bytes: Buffer): boolean {
    if (length + bytes.length > HELD_MAX) return false
    try {
      hold(bytes, HELD_MAX)
      return true
    } catch (error) {
      if (faultKindOf(error) === 'out-of-memory') return false
      throw error
    }
  }

  /** Its memory is free once it was copied: the garbage collector would take its time. */
  function giveUp(): void {
    const copied = held
    drop()
    freeBuffer(copied)
  }

  function drop(): void {
    account.release(held.length)
    held = Buffer.alloc(0)
  }

  return {
    get held() {
      return held.subarray(0, length)
    },
    hold: (bytes) => hold(bytes),
    keep(bytes) {
      if (spool === undefined) {
        if (isHeld(bytes)) return
        spool = createSpool(options)
        spool.write(held.subarray(0, length))
        giveUp()
      }
      spool.write(bytes)
    },
    finish() {
      const spooled = spool
      spool = undefined
      return spooled?.finish() ?? holdMessage(held.subarray(0, length), options)
    },
    discard() {
      spool?.finish().close()
      spool = undefined
      drop()
      account.close()
      length = 0
    },
  }
}
