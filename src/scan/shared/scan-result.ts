import type { Cause } from './cause.ts'
import type { Scanner } from './scanner.ts'

/**
 * What came of scanning a message: a verdict (clean, infected, unknown), or why there is none about all
 * of it.
 */
export type ScanResult =
  | {
      readonly answer: 'clean'
      /** The scanners that ran, in their order. */
      readonly scanners: readonly Scanner[]
      /** Set if a budget left out what only some readers might see in the message (odd=unread). */
      readonly unread?: true
    }
  | {
      readonly answer: 'infected'
      readonly scanner: string
      readonly name: string
      readonly banned: boolean
    }
  | {
      readonly answer: 'unknown'
      readonly scanner: string
      readonly why: string
      readonly cause: Cause
      /** Set if the scanner died while it had the message. */
      readonly scannerDied?: true
      /** Set if nobody waited for the result any more: it says nothing about a copy. */
      readonly unfinished?: true
    }
  /** Nothing was found, but a limit left something unscanned. */
  | { readonly answer: 'skipped'; readonly why: string }
  /** The message is nested deeper than scanners look, and policy keeps such mail out. */
  | { readonly answer: 'nested'; readonly why: string }
  /** The message holds more than a scanner or a second look reads, and policy keeps such mail out. */
  | {
      readonly answer: 'crowded'
      readonly why: string
      /** The limit, in words for the sender: none of them is the sender's own. */
      readonly limit: string
    }
  /** Nothing was found, but STRICTMIME keeps out the forms that the message has. */
  | { readonly answer: 'strange'; readonly why: string }
