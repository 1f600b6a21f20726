import { LATE } from '../../../ground/flow/deadline.ts'
import type { LastingConnection } from '../../../protocol/valkey/lasting-connection.ts'
import { MARK_KEY, questionFor } from './store-keys.ts'

/** Milliseconds between two polls of the mark in the store. */
const POLLED_EVERY = 20_000
/** Polls after which a mark expires that nobody renews. */
const LASTS_FOR_POLLS = 3
/** Milliseconds for an answer, for which no mail waits. */
const ANSWERED_WITHIN = 5_000

const OTHER_KEY =
  'hosts with another key use it, too: of the current hmac-sha256 keys in CLUSTERKEYS, the one whose id comes first has to be the same on all'

interface KeyMarksOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Milliseconds between two polls; default: 20,000. */
  readonly every?: number | undefined
  /** Called with the trouble, or with undefined when it is over. */
  readonly tell: (where: string, why: string | undefined) => void
}

/**
 * Leaves the mark of this host's key (secrets.ts) in the store, renews it, and notices the mark of
 * another key: hosts with different keys share nothing.
 */
export function watchKeyMarks(
  mark: () => Buffer,
  connection: LastingConnection,
  { uptime, every = POLLED_EVERY, tell }: KeyMarksOptions,
): { close(): void } {
  const lifetime = LASTS_FOR_POLLS * every
  /** The time since which the mark of another key has been there. */
  let otherSince: number | undefined

  /** A mark that nobody renews expires. If one stays for longer, another host has that key now. */
  async function compare(own: Buffer): Promise<void> {
    if (!connection.isReady) return
    const lasting = ['PX', String(lifetime)]
    const replies = await connection.ask(
      [['SET', MARK_KEY, own, 'NX', ...lasting], questionFor(MARK_KEY)],
      ANSWERED_WITHIN,
    )
    const found = replies === LATE ? undefined : replies[1]
    if (!Buffer.isBuffer(found) || found.length === 0) return // questions for verdicts log the trouble
    if (found.equals(own)) {
      otherSince = undefined
      tell('mark', undefined)
      await connection.ask([['SET', MARK_KEY, own, ...lasting]], ANSWERED_WITHIN)
      return
    }
    otherSince ??= uptime()
    if (uptime() - otherSince > lifetime) tell('mark', OTHER_KEY)
  }

  const timer = setInterval(() => void compare(mark()).catch(() => {}), every).unref()
  return { close: () => clearInterval(timer) }
}
