import type { Server } from 'node:net'
import type { DoorState } from '../observe/live/process-report.ts'
import type { Configuration } from './configuration.ts'

/** A door that serves connections on a listening socket. */
export interface Door<Settings = Configuration> {
  /** It does not listen yet. */
  readonly server: Server
  /** Sets what messages or requests that come from now on are judged by. */
  configure(settings: Settings): void
  /**
   * Takes no more connections, and resolves when all are over. A connection with nothing to answer
   * ends at once, any other one when it is answered. After `grace` milliseconds those that are left
   * are told to come again.
   */
  close(grace: number): Promise<void>
  state(): DoorState
}
