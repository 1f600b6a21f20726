import type { StoreLogin } from './connection.ts'
import type { LastingConnection } from './lasting-connection.ts'

/** The servers of a store, each with a way to it. */
export interface StoreServers {
  /** The way to the server that has this key; undefined if it is not known. */
  connectionFor(key: string): LastingConnection | undefined
  /** Whether all of them may be asked. */
  readonly isWhole: boolean
  /** A server said that another one has this key, or that it may not write any more. */
  moved(): void
  close(): void
}

export interface StoreServersOptions {
  readonly login: StoreLogin
  /** One of them may be asked from now on. */
  readonly ready: () => void
  /** Why one of them, by some name, may not be asked, in one line; undefined when that is over. */
  readonly trouble: (who: string, why: string | undefined) => void
}
