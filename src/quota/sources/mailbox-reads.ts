import { Semaphore } from '../../base/flow/semaphore.ts'

/**
 * Threads for file-system calls, as in UV_THREADPOOL_SIZE: libuv's pool in Node, and the pool of the compiled
 * runtime, which src/c/launcher/launch.c sets.
 */
export const THREADS = 128
/**
 * Upper limit for the mailboxes that are read concurrently. Each read makes one call at a time, and a call
 * that the file system does not answer holds a thread indefinitely. With fewer reads than THREADS, some
 * threads are left for other work.
 */
const READS_MAX = 100
/** Milliseconds for which a read waits for another one to end. */
const WAIT = 1000

const permits = new Semaphore(READS_MAX)

/**
 * The current reads of mailboxes. No mailbox is read twice at the same time: a further caller waits for
 * the same read.
 */
export class MailboxReads<Value> {
  readonly #uptime: () => number
  readonly #longest: number
  readonly #underWay = new Map<
    string,
    { readonly result: Promise<Value>; readonly since: number }
  >()

  /** `longest` is the milliseconds after which no client waits for a read any longer. */
  constructor(uptime: () => number, longest: number) {
    this.#uptime = uptime
    this.#longest = longest
  }

  /**
   * Reads a mailbox. `work` makes one call of the file system at a time. Rejects if `work` does, if too many
   * other mailboxes are being read, and, without any wait, if this mailbox hangs.
   */
  read(mailbox: string, work: () => Promise<Value>): Promise<Value> {
    const underWay = this.#underWay.get(mailbox)
    if (underWay === undefined) return this.#begin(mailbox, withPermit(work))
    if (this.#uptime() - underWay.since <= this.#longest) return underWay.result
    return Promise.reject(new Error('its file system does not answer'))
  }

  #begin(mailbox: string, result: Promise<Value>): Promise<Value> {
    this.#underWay.set(mailbox, { result, since: this.#uptime() })
    const remove = () => this.#underWay.delete(mailbox)
    result.then(remove, remove)
    return result
  }
}

async function withPermit<Value>(work: () => Promise<Value>): Promise<Value> {
  const release = await permits.acquire(permits.isFree ? undefined : AbortSignal.timeout(WAIT))
  if (release === undefined) throw new Error(`${READS_MAX} other mailboxes are being read, or hang`)
  try {
    return await work()
  } finally {
    release()
  }
}
