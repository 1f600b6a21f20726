import { Fault } from '../errors/fault.ts'

/** Bytes up to which a message counts as small. */
const SMALL_MESSAGE = 64 * 1024
/** The part of a budget that is for small messages alone. */
const RESERVED_PART = 1 / 4
/** A client may use this multiple of the part that stays free for others. */
const OF_FREE = 3

/**
 * The memory limit shared by all messages at one address of this process. Each client may use up to three
 * times what it leaves free for others, so the next client always finds some free memory.
 */
export class Budget {
  /** Bytes. */
  readonly limit: number
  readonly #byClient = new Map<string, number>()
  #used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  /**
   * Returns whether the client may use this number of bytes more, for a message that is `small` with them or
   * not.
   */
  hasRoom(client: string, bytes: number, isSmall: boolean): boolean {
    const limit = isSmall ? this.limit : this.limit * (1 - RESERVED_PART)
    const own = (this.#byClient.get(client) ?? 0) + bytes
    return own <= OF_FREE * (limit - this.#used - bytes)
  }

  /** Notes that the client has taken this number of bytes more, or fewer. */
  change(client: string, bytes: number): void {
    this.#used += bytes
    const own = (this.#byClient.get(client) ?? 0) + bytes
    if (own === 0) this.#byClient.delete(client)
    else this.#byClient.set(client, own)
  }

  /** Opens a lease for one conversation of a client, by its address or user. */
  open(client = ''): MemoryLease {
    return new MemoryLease(this, client)
  }
}

/** The bytes of a budget that one conversation uses. */
export class MemoryLease {
  readonly #budget: Budget
  readonly #client: string
  #charged = 0

  constructor(budget: Budget, client: string) {
    this.#budget = budget
    this.#client = client
  }

  /** Returns a lease without a limit, for a process that handles one message: softlimit(8) limits it. */
  static unlimited(): MemoryLease {
    return new Budget(Number.POSITIVE_INFINITY).open()
  }

  /**
   * Sets bytes aside before they are allocated. Throws a Fault of kind `out-of-memory` if the client has no
   * share left for them.
   */
  charge(bytes: number): void {
    const isSmall = this.#charged + bytes <= SMALL_MESSAGE
    if (bytes > 0 && !this.#budget.hasRoom(this.#client, bytes, isSmall)) {
      throw new Fault('out-of-memory', `no memory for another ${bytes} bytes (--memory)`)
    }
    this.#take(bytes)
  }

  /** Returns whether half of the budget would still be free after a charge of `bytes`. */
  isPlenty(bytes: number): boolean {
    return this.#budget.used + bytes <= this.#budget.limit / 2
  }

  /** Gives `bytes` back. */
  release(bytes: number): void {
    this.#take(-bytes)
  }

  /** Gives all bytes back. May be called again. */
  close(): void {
    this.#take(-this.#charged)
  }

  #take(bytes: number): void {
    this.#budget.change(this.#client, bytes)
    this.#charged += bytes
  }
}

/** The charge for bytes of a client that wait unread. */
export class UnreadCharge {
  readonly #lease: MemoryLease
  #bytes = 0

  constructor(lease: MemoryLease) {
    this.#lease = lease
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Charges for this number of bytes, in place of those before. Throws as charge() does. */
  set(bytes: number): void {
    this.#lease.charge(bytes - this.#bytes)
    this.#bytes = bytes
  }
}
