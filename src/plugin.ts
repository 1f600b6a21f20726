/**
 * What the author of a scanner plugin writes against; see onescan-plugin(7).
 * Types alone, so that a plugin needs nothing of onescan when it runs, and so
 * that this very file serves as the package's declaration file.
 */

/** The message that a plugin is asked about. */
export interface Mail {
  /**
   * Of this interface. It is raised when something changes its meaning or goes; what is
   * added, as a field that may be missing, raises nothing.
   */
  readonly version: 1
  /**
   * Absolute path of a regular file that holds exactly the message, readable until
   * the plugin has answered. The plugin must not change or remove it.
   */
  readonly path: string
  /** Bytes in that file. */
  readonly size: number
  /**
   * Set when the plugin is asked about the same message again: one of the files in it, as
   * some mail program may decode it (SECONDLOOK). The answer is about this content alone.
   * Absolute path of a file of so many bytes, as readable and as little to be changed.
   */
  readonly part?: { readonly path: string; readonly size: number }
  /**
   * Envelope sender, empty for a bounce. Addresses are bytes: each character is
   * one byte (latin1), so `Buffer.from(sender, 'latin1')` has them as they came.
   */
  readonly sender: string
  /** Envelope recipients in their order, in the same form. */
  readonly recipients: readonly string[]
  /** How the message came: to the place of qmail-queue, to the milter or by SMTP; missing elsewhere. */
  readonly door?: 'slot' | 'milter' | 'smtp'
  /**
   * IP address of the SMTP client. It and the following are there where the door is told;
   * a name is what DNS, and HELO what the client itself says. The texts are latin1.
   */
  readonly clientAddress?: string | undefined
  /** The client's name by DNS. */
  readonly clientName?: string | undefined
  /** What the client said in HELO or EHLO. */
  readonly helo?: string | undefined
  /** The name that the client authenticated by. */
  readonly login?: string | undefined
  /** The MTA's own name for the message. */
  readonly queueId?: string | undefined
  /**
   * Aborted a little before the process is killed for taking too long. An answer
   * that is given at once still counts.
   */
  readonly signal: AbortSignal
  /** Adds one line to the log; control characters are escaped. */
  log(text: string): void
}

/** The answers that count. Everything else, and whatever is thrown, is "could not tell", too. */
export type Answer =
  | { readonly clean: true }
  | {
      readonly infected: true
      /** What was found, for the log and the SMTP reply; not empty, cut after 255 characters. */
      readonly name: string
    }
  /** Could not tell, and why, for the log; not empty, cut after 1,000 characters. SCANFAIL decides. */
  | { readonly defer: string }

/**
 * The function that a plugin exports as `virusscan`, or as QUEUE_PLUGIN says. In onescand
 * one process calls it for message after message, never for two at a time.
 */
export type Virusscan = (mail: Mail) => Answer | Promise<Answer>
