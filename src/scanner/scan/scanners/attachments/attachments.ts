import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import type { Bytes } from '../../../../mail/message/bytes.ts'
import { replacingNames } from '../../../../mail/mime/archives/member-names.ts'
import { spellings } from '../../../../mail/mime/headers/names.ts'
import { LimitExceeded, type PartNames } from '../../../../mail/mime/index.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { BanScanner, Inspection, ScannerCall } from '../contract/scanner.ts'
import { banned, clean, type ScanResult, unread } from '../findings/scan-result.ts'
import { ScanPermits } from '../permits/scan-permits.ts'
import { type AttachmentRules, kindsOf, readAttachmentRules } from './attachment-rules.ts'

/** Units of work for each character of a name that is compared with all rules. */
const MATCH_UNITS = 16

/** Characters of a name that go into the answer, and with it into the SMTP reply. */
const SHOWN_MAX = 80

/**
 * Plugin `attachments`: refuses banned file names, MIME types and kinds of content. BADATTACHMENTS contains
 * patterns of names, or names a control file (AttachmentRules).
 *
 * A name is checked wherever some mail program may show one, in each part of multiparts and attached
 * messages, in any encoding. Names in uuencode, yEnc, BinHex, OpenPGP, winmail.dat, calendars and address
 * books are checked as well. Archives are not opened. Their own names and types can be banned, and clamd bans
 * the names in them (archive-bans.ts). With ARCHIVEBANS, names that archivers show in place of those that
 * clamd matches are checked, too.
 *
 * If a mail contains more than is read, UNREAD decides, unless the part that was read is banned. The control
 * file is read once. If it cannot be used, that is a Fault of kind `config`.
 */
export function attachmentsScanner({ BADATTACHMENTS, ARCHIVEBANS }: ScanSettings): BanScanner {
  /** The immutable rules, shared by all messages. */
  let known: AttachmentRules | undefined
  const rulesOnce = () => {
    known ??= readAttachmentRules(BADATTACHMENTS)
    return known
  }
  return {
    name: 'attachments',
    hasBans: true,
    permits: ScanPermits.here(),
    async prepare() {
      rulesOnce()
    },
    async inspect(task) {
      return new AttachmentInspection(rulesOnce(), ARCHIVEBANS === 'on', task)
    },
  }
}

/** Inspects one message for what the rules ban. */
class AttachmentInspection implements Inspection {
  readonly #rules: AttachmentRules
  readonly #bansInArchives: boolean
  readonly #task: ScannerCall
  /** The first banned thing that is not tolerated: a file name, `type a/b` or `content executable`. */
  #banned: string | undefined
  /** The first banned thing that is tolerated. */
  #passedOver: string | undefined
  /** The first limit that left something unread. */
  #limit: string | undefined

  constructor(rules: AttachmentRules, bansInArchives: boolean, task: ScannerCall) {
    this.#rules = rules
    this.#bansInArchives = bansInArchives
    this.#task = task
  }

  *part({ names, types, limit }: PartNames): Generator<number> {
    yield* this.#judgeNames(names)
    for (const type of types) {
      if (this.#rules.bansType(type)) this.#ban(`type ${type}`)
      yield MATCH_UNITS * type.length
    }
    if (limit !== undefined) this.leaveUnread(limit)
  }

  *#judgeNames(names: Iterable<string>): Generator<number> {
    for (const name of names) {
      if (this.#rules.bansName(name)) this.#ban(name)
      yield MATCH_UNITS * name.length
    }
  }

  *content(content: Bytes): Generator<number> {
    const bannedKinds = this.#rules.kinds
    const kinds = bannedKinds.size === 0 ? [] : kindsOf(content)
    for (const kind of kinds) if (bannedKinds.has(kind)) this.#ban(`content ${kind}`)
    if (!this.#bansInArchives) return
    try {
      for (const step of replacingNames(content)) {
        if (typeof step === 'number') yield step
        else yield* this.#judgeNames(spellings(step))
      }
    } catch (error) {
      if (!(error instanceof LimitExceeded)) throw error
      this.leaveUnread(error.message)
    }
  }

  leaveUnread(reason: string): void {
    this.#limit ??= reason
  }

  answer(): ScanResult {
    if (this.#banned !== undefined) return asBanned(this.#banned)
    if (this.#limit !== undefined) return unread('contents', `attachments: ${this.#limit}`)
    return this.#passedOver === undefined ? clean : asBanned(this.#passedOver)
  }

  #ban(name: string): void {
    if (this.#task.tolerance.isTolerated?.(asBanned(name))) this.#passedOver ??= name
    else this.#banned ??= name
  }
}

const asBanned = (name: string) => banned(`attachment ${shown(name)}`)

/**
 * Returns the name in printable ASCII. A long name is shortened in the middle, because its end is more
 * informative.
 */
function shown(name: string): string {
  const text = replaceUnprintable(name)
  if (text.length <= SHOWN_MAX) return text
  return `${text.slice(0, SHOWN_MAX / 2 - 3)}...${text.slice(-SHOWN_MAX / 2)}`
}
