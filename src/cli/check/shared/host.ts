import type { StageHost } from '../../../doors/readiness/stage.ts'
import type { MemoryLimits } from '../../shared/running-services.ts'

export const noLimits: MemoryLimits = {
  addressSpace: undefined,
  data: undefined,
  stack: undefined,
}

/** The host as the slot of a service sees it. Checks of the slot look at nothing else. */
export interface Host extends StageHost {
  readonly limits: MemoryLimits
  /** The slot program: QMAILQUEUE, else the onescan-queue of this onescan. */
  readonly program: string
  /** The clients whose mail is handled so, by tcpserver's rules; undefined: all clients. */
  readonly clients?: string | undefined
}

/** The command line of onescand. */
export interface DaemonWords {
  readonly words: readonly string[]
  /** The addresses on the command line of the running onescand, which it frees at its next start. */
  readonly held: readonly string[]
  /** The file with its settings, for remedies. */
  readonly file: string
}
