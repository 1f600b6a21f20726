import type { StoreLogin } from './connection.ts'
import type { LastingConnection } from './lasting-connection.ts'

/** The connections to the servers of a store. */
export interface StoreServers {
  /** Returns the connection to the server that has this key; undefined if that is not known. */
  connectionFor(key: string): LastingConnection | undefined
  /** Whether all servers can be asked. */
  readonly isWhole: boolean
  /** Looks the servers up anew: one said that another one has a key, or that it may not write any more. */
  moved(): void
  close(): void
}

export interface StoreServersOptions {
  readonly login: StoreLogin
  /** Called when a server can be asked. */
  readonly ready: () => void
  /**
   * Called with a name of a server and the reason in one line when it cannot be asked; with undefined
   * when that is over.
   */
  readonly trouble: (who: string, why: string | undefined) => void
}
