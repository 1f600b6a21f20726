import { readUptime } from '../../../base/flow/uptime.ts'
import { spoolMessage } from '../../../mail/message/intake.ts'
import type { Message } from '../../../mail/message/message.ts'
import type { SpoolSettings } from '../../../mail/message/spool.ts'
import { entriesIn, openMessage } from '../../scan/quarantine/entries.ts'
import { openQuarantine } from '../../scan/quarantine/folders.ts'
import { contentKey } from '../../scan/quarantine/quarantine-message.ts'
import { idsWithReceipts } from '../../scan/quarantine/receipts.ts'

/** Milliseconds for which a list of the released messages is used: an outbreak asks about thousands. */
const LIST_VALID = 5_000

/** The messages that people have released from a quarantine, to some recipients at least: what they have judged is not judged again. */
export class ReleasedMail {
  readonly #directory: string
  readonly #spool: SpoolSettings
  readonly #keyOf = new Map<string, string>()
  #validUntil = 0

  constructor(directory: string, spool: SpoolSettings) {
    this.#directory = directory
    this.#spool = spool
  }

  /** Whether a message was released, whatever hosts have added on its way. Rejects if the quarantine cannot be read. */
  async has(message: Pick<Message, 'header' | 'body'>): Promise<boolean> {
    if (readUptime() > this.#validUntil) await this.#read()
    if (this.#keyOf.size === 0) return false
    const key = await contentKey(message)
    return [...this.#keyOf.values()].includes(key)
  }

  async #read(): Promise<void> {
    const root = await openQuarantine(this.#directory)
    try {
      const received = await idsWithReceipts(root)
      for await (const { id, state } of entriesIn(root, { since: undefined, until: undefined })) {
        if ((state !== 'released' && !received.has(id)) || this.#keyOf.has(id)) continue
        const opened = await openMessage(root, id)
        const message = await spoolMessage(opened.message(), { spool: this.#spool })
        try {
          this.#keyOf.set(id, await contentKey(message))
        } finally {
          message.close()
          await opened.close()
        }
      }
      this.#validUntil = readUptime() + LIST_VALID
    } finally {
      root.close()
    }
  }
}
