/**
 * The interface of scanner plugins. See onescan-plugin(7). It contains only types, so that a plugin needs no
 * code of onescan at run time. This file is also the declaration file of the package.
 */

/** The message that a plugin scans. */
export interface Mail {
  /**
   * The version of this interface. It is raised if something is removed or changes its meaning, and not
   * if an optional field is added.
   */
  readonly version: 1
  /**
   * The absolute path of a regular file that can be read until the plugin has answered. Its first 1,024 bytes
   * are a line that onescan adds, a `Received` field. The message as it will be queued follows. The plugin
   * must not change or remove the file.
   */
  readonly path: string
  /** Bytes of that file. */
  readonly size: number
  /**
   * Set if the sample is one of the files in the message, as some mail program may decode it (SECONDLOOK). The
   * answer is about this content alone. `part.path` is the absolute path of a file that contains only its
   * `part.size` bytes, and `path` is still that of the whole message.
   */
  readonly part?: { readonly path: string; readonly size: number } & Partial<NamedPart>
  /**
   * Set if the sample is the whole message and its parts were read. Contains what mail programs show of each
   * part, at most 1,000 names. A content that occurs twice in a message is submitted once, with both names.
   */
  readonly parts?: readonly NamedPart[]
  /** Set if there are more names than `parts` has, or `part`, which has at most 100. */
  readonly hasMoreNames?: true
  /**
   * The envelope sender, empty for a bounce. Each character of an address is one byte (latin1), so
   * `Buffer.from(sender, 'latin1')` contains the original bytes.
   */
  readonly sender: string
  /** The envelope recipients in their order, in the same form. */
  readonly recipients: readonly string[]
  /**
   * The interface by which the message arrived: as qmail-queue, through a milter, over SMTP, or by clamd's
   * protocol; undefined elsewhere.
   */
  readonly interface?: 'qmail' | 'milter' | 'smtp' | 'clamd'
  /**
   * The IP address of the SMTP client. This and the following texts (latin1) are set if the interface knows
   * them.
   */
  readonly clientAddress?: string | undefined
  /** The name of the client by DNS. */
  readonly clientName?: string | undefined
  /** The name that the client gave in HELO or EHLO. */
  readonly helo?: string | undefined
  /** The name by which the client authenticated. */
  readonly login?: string | undefined
  /** The MTA's own name for the message. */
  readonly queueId?: string | undefined
  /**
   * Aborted a little before the process is killed because it takes too long. An immediate answer is still
   * accepted.
   */
  readonly signal: AbortSignal
  /** Adds one line to the log. Control characters are escaped. */
  log(text: string): void
}

/** The data of a part that mail programs show. */
export interface NamedPart {
  /** Each name that some mail program shows, without directories: a name may be coded in several ways. */
  readonly names: readonly string[]
  /** MIME types in lower case; `text/plain` if the part names none. */
  readonly types: readonly string[]
  /**
   * The containers from which it was extracted within its part of the mail, such as `uuencode`, `tnef` or
   * `openpgp`.
   */
  readonly containers: readonly string[]
}

/** The answers of a plugin. Any other value, and an error that it throws, means *unknown*. */
export type Answer =
  | { readonly clean: true }
  | {
      readonly infected: true
      /** The name of the finding, for the log and the SMTP reply; not empty, cut after 255 characters. */
      readonly name: string
    }
  /**
   * The answer is unknown. The reason is for the log, not empty, cut after 1,000 characters. SCANFAIL
   * decides.
   */
  | { readonly defer: string }

/**
 * The function that a plugin exports as `virusscan`, or under the name in QUEUE_PLUGIN. In onescand one
 * process calls it for one message after the other, never for two at a time.
 */
export type Virusscan = (mail: Mail) => Answer | Promise<Answer>
