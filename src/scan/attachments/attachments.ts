import { replaceUnprintable } from '../../ground/errors/replace-unprintable.ts'
import type { ScanPolicy } from '../shared/scan-policy.ts'
import { clean, type Scanner, unknown, type Verdict } from '../shared/scanner.ts'
import { type AttachmentRules, loadRules, rulesOfNames } from './rules.ts'
import { searchMessage } from './search.ts'

/** Characters of a name that go into the verdict, and with it into the SMTP reply. */
const SHOWN_MAX = 80

/**
 * Plugin `attachments`: refuses banned file names, MIME types and programs, by the
 * control file that BADATTACHMENTS names (rules.ts has its format), or the names that stand there. Names are seen wherever
 * some reader of mail may see one: in every part of multiparts and attached messages, in any
 * encoding, of uuencode and yEnc, too; archives and winmail.dat are not opened: ban their names
 * or types.
 *
 * Where there is more in a mail than is read, it could not tell, or with BADMIME=accept answers
 * by what it saw and notes the limit. A file of rules that cannot be used is a Fault of kind
 * `config`; one that can is read once.
 */
export function attachmentsScanner({ attachments }: ScanPolicy): Scanner {
  /**
   * The same rules for all messages, and nobody changes them. If two messages come first, both read
   * the file.
   */
  let known: AttachmentRules | undefined
  const rulesOnce = async () => {
    const { rules } = attachments
    known ??= 'file' in rules ? await loadRules(rules.file) : rulesOfNames(rules.names)
    return known
  }
  return {
    name: 'attachments',
    local: true,
    async prepare() {
      await rulesOnce()
    },
    async scan(sample, task): Promise<Verdict> {
      const rules = await rulesOnce()
      const { banned, over } = await searchMessage(sample, rules, task)
      if (banned !== undefined) {
        return { answer: 'infected', name: `attachment ${shown(banned)}`, banned: true }
      }
      if (over === undefined) return clean
      if (attachments.malformed === 'defer') return unknown(`attachments: ${over}`, 'limit')
      task.note(`attachments: ${over}`)
      return clean
    },
  }
}

/** Printable ASCII of bounded length; the end of a long name says more than its middle. */
function shown(name: string): string {
  const text = replaceUnprintable(name)
  if (text.length <= SHOWN_MAX) return text
  return `${text.slice(0, SHOWN_MAX / 2 - 3)}...${text.slice(-SHOWN_MAX / 2)}`
}
