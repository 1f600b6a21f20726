/**
 * What the author of a scanner plugin writes against; see onescan-plugin(7).
 * Types alone, so that a plugin needs nothing of onescan when it runs, and so
 * that this very file serves as the package's declaration file.
 */

/** The message that a plugin is asked about. */
export interface Mail {
  /**
   * Absolute path of a regular file that holds exactly the message, readable until
   * the plugin has answered. The plugin must not change or remove it.
   */
  readonly path: string
  /** Bytes in that file. */
  readonly size: number
  /**
   * Envelope sender, empty for a bounce. Addresses are bytes: each character is
   * one byte (latin1), so `Buffer.from(sender, 'latin1')` has them as they came.
   */
  readonly sender: string
  /** Envelope recipients in their order, in the same form. */
  readonly recipients: readonly string[]
  /**
   * Aborted a little before the process is killed for taking too long. An answer
   * that is given at once still counts.
   */
  readonly signal: AbortSignal
  /** Adds one line to the log; control characters are escaped. */
  log(text: string): void
}

/** The two answers that count. Everything else, and whatever is thrown, is "could not tell". */
export type Answer =
  | { readonly clean: true }
  | {
      readonly infected: true
      /** What was found, for the log and the SMTP reply; not empty, cut after 255 characters. */
      readonly name: string
    }

/**
 * The function that a plugin exports as `virusscan`, or as QUEUE_PLUGIN says. In onescand
 * one process calls it for message after message, never for two at a time.
 */
export type Virusscan = (mail: Mail) => Answer | Promise<Answer>
