/** Bytes of content that are a step forward. */
const CONTENT_STEP = 4096

/**
 * The progress of a session with its client, and the time for which it has waited for the client without
 * progress. Progress is an accepted message, content of any message, or a state not reached since the last
 * accepted message: MAIL, each further recipient, DATA. Starting messages repeatedly is not progress,
 * and neither is any other command.
 */
export class Progress {
  readonly #now: () => number
  #awaitedSince: number | undefined // set while the session waits for the client
  /** Milliseconds that the session has waited for the client since the last progress. */
  #waited = 0
  /**
   * The highest number of recipients since the last accepted message, or -1 before MAIL, Infinity from DATA
   * on.
   */
  #reached = -1
  /** Bytes of content that are still missing for a step. */
  #contentLeft = CONTENT_STEP

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether the session waits for the client. */
  get isAwaited(): boolean {
    return this.#awaitedSince !== undefined
  }

  /**
   * The time at which the session began to wait for its client. Each earlier wait since the last progress
   * moves it back by its length. Undefined while the client waits for the session.
   */
  get idleSince(): number | undefined {
    return this.#awaitedSince === undefined ? undefined : this.#awaitedSince - this.#waited
  }

  awaits(): void {
    this.#awaitedSince = this.#now()
  }

  goesOn(): void {
    if (this.#awaitedSince === undefined) return
    this.#waited += this.#now() - this.#awaitedSince
    this.#awaitedSince = undefined
  }

  /** Notes that the next server has accepted MAIL and this number of recipients. */
  reached(recipients: number): void {
    if (recipients <= this.#reached) return
    this.#reached = recipients
    this.#step()
  }

  reachedContent(): void {
    this.reached(Number.POSITIVE_INFINITY)
  }

  read(bytesOfContent: number): void {
    this.#contentLeft -= bytesOfContent
    if (this.#contentLeft > 0) return
    this.#contentLeft = CONTENT_STEP
    this.#step()
  }

  accepted(): void {
    this.#reached = -1
    this.#step()
  }

  #step(): void {
    this.#waited = 0
  }
}
