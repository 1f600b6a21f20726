import { replaceUnprintable } from '../../ground/errors/replace-unprintable.ts'
import type { ScanPolicy } from '../shared/scan-policy.ts'
import {
  clean,
  type Scanner,
  type ScannerAnswer,
  type ScanTask,
  unknown,
} from '../shared/scanner.ts'
import { type AttachmentRules, loadAttachmentRules, rulesOfNames } from './rules.ts'
import { type AttachmentFindings, AttachmentSearch, searchMessage } from './search.ts'

/** Characters of a name that go into the answer, and with it into the SMTP reply. */
const SHOWN_MAX = 80

/**
 * Plugin `attachments`: refuses banned file names, MIME types and programs. BADATTACHMENTS has patterns
 * of names, or names a control file (rules.ts has its format). A name counts wherever some reader of
 * mail may see one: in each part of multiparts and attached messages, in any encoding, in uuencode and
 * yEnc, too. Archives and winmail.dat are not opened; their names and types can be banned.
 *
 * If a mail holds more than is read, the answer is *could not tell*. With BADMIME=accept it is about
 * what was read, and the limit is noted. The control file is read once; if it cannot be used, that is a
 * Fault of kind `config`.
 */
export function attachmentsScanner({ attachments }: ScanPolicy): Scanner {
  /**
   * The rules, which nobody changes, are the same for all messages. If two messages come at the same time
   * before the rules are known, both read the file.
   */
  let known: AttachmentRules | undefined
  const rulesOnce = async () => {
    const { rules } = attachments
    known ??= 'file' in rules ? await loadAttachmentRules(rules.file) : rulesOfNames(rules.names)
    return known
  }
  const searchFor = async (task: ScanTask) => {
    const isExcused = (banned: string) => task.isExcused?.(finding(banned)) === true
    return new AttachmentSearch(await rulesOnce(), isExcused)
  }
  const answerFor = (
    { banned, excused, limit }: AttachmentFindings,
    task: ScanTask,
  ): ScannerAnswer => {
    if (banned !== undefined) return finding(banned)
    if (limit !== undefined) {
      if (attachments.malformed === 'defer') return unknown(`attachments: ${limit}`, 'limit')
      task.note(`attachments: ${limit}`)
    }
    return excused === undefined ? clean : finding(excused)
  }
  return {
    name: 'attachments',
    local: true,
    async prepare() {
      await rulesOnce()
    },
    async search(task) {
      const search = await searchFor(task)
      return {
        header: (fields) => search.header(fields),
        name: (name) => search.name(name),
        content: (content) => search.content(content),
        over: (why) => search.over(why),
        answer: () => answerFor(search, task),
      }
    },
    async scan(sample, task) {
      const search = await searchFor(task)
      await searchMessage(sample, search, task)
      return answerFor(search, task)
    },
  }
}

function finding(banned: string) {
  return { answer: 'infected', name: `attachment ${shown(banned)}`, banned: true } as const
}

/** The name in printable ASCII, and shortened in the middle if it is long: its end says more. */
function shown(name: string): string {
  const text = replaceUnprintable(name)
  if (text.length <= SHOWN_MAX) return text
  return `${text.slice(0, SHOWN_MAX / 2 - 3)}...${text.slice(-SHOWN_MAX / 2)}`
}
