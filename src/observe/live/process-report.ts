import type { PoisonCounters } from '../../verdicts/poison.ts'
import type { Sharing } from '../../verdicts/store.ts'
import type { LoggedLine } from './line-order.ts'

/** A message that scanners are looking at. */
export interface MailInFlight {
  readonly door: string
  /** Address of the SMTP client. */
  readonly remote: string | undefined
  /** latin1, without brackets. */
  readonly from: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly since: number
}

export interface DoorState {
  readonly clients: number
  /** Bytes that are set aside for what they send. */
  readonly memory: number
}

/** How a client of the slot is left without an answer: it is told to go cold, or it hangs up first. */
export const COLD_WAYS = ['told', 'left'] as const
export type ColdWay = (typeof COLD_WAYS)[number]

/** A report of a process of onescand to the first process, once a second. */
export interface ProcessReport {
  readonly kind: 'report'
  /** When: milliseconds since 1970. All that was logged before is in this one, or was told. */
  readonly at: number
  /** Lines of the log, without their line ends; latin1. */
  readonly lines: readonly LoggedLine[]
  /** Lines for which there was no room. */
  readonly lost: number
  /** Clients of the slot that were left without an answer since the last time. */
  readonly cold: Readonly<Record<ColdWay, number>>
  readonly underway: readonly MailInFlight[]
  /** How many messages are under way. */
  readonly judging: number
  readonly doors: Readonly<Record<string, DoorState>>
  /** Messages that are at each server of a scanner. */
  readonly servers: Readonly<Record<string, number>>
  /** How well the shared store does; undefined if there is none. */
  readonly sharing: Sharing | undefined
  /** Since the process began; undefined if messages that scanners die of are not looked for. */
  readonly poisoned: PoisonCounters | undefined
  /** Counters of questions about mailboxes since the process began; undefined if nobody is asked. */
  readonly quota: Readonly<Record<string, number>> | undefined
}

export function isProcessReport(message: unknown): message is ProcessReport {
  return (message as ProcessReport | null)?.kind === 'report'
}

/** What a worker that was replaced has left behind. */
export interface LeftBehind {
  /** Messages that were being scanned for it when it ended: they have no answer. */
  readonly inHand: number
  /** Lines about mail that it logged in its life. */
  readonly logged: number
}

/** What the first process knows of those that judge mail. */
export interface WorkersState {
  /** How many ended by themselves, or were ended, and were replaced. */
  readonly replaced: number
  /** How many of them were ended because they were held. */
  readonly held: number
  /** Process ids of those of which nothing has been heard for some seconds. */
  readonly late: readonly number[]
}
