import { headerOf } from './mailbox.ts'
import type { NamedMail, TestMail } from './test-mails.ts'

/** The outcome of an accepted mail. */
export type DeliveredAs = 'tagged' | 'spam' | 'removed' | 'missing' | 'unchanged' | 'unknown'

/** The outcome in a mailbox, with the fields by which a filter marks the mail as infected, or as spam. */
export interface Delivery {
  readonly fate: DeliveredAs
  readonly tags: readonly string[]
}

/** Returns the outcome of a mail by the delivered mail, given in latin1. */
export function deliveryOf(
  { malware }: TestMail,
  { id, subject }: NamedMail,
  delivered: readonly string[],
): Delivery {
  const all = delivered.filter((text) => text.includes(id) || text.includes(subject))
  if (all.length === 0) return { fate: 'missing', tags: [] }
  const carrying = all.filter((text) => malware.some((line) => text.includes(line)))
  // Of several copies, the one with the fewest marks counts.
  const [tags = []] = (carrying.length > 0 ? carrying : all)
    .map((text) => tagsOf(headerOf(text), subject))
    .sort((one, other) => one.length - other.length)
  if (malware.length > 0 && carrying.length === 0) return { fate: 'removed', tags }
  if (tags.length === 0) return { fate: 'unchanged', tags }
  return { fate: tags.every((tag) => OF_SPAM.test(tag)) ? 'spam' : 'tagged', tags }
}

/** Names of fields of filters: clamav-milter, rspamd, amavis, MailScanner, SpamAssassin, onescan and others. */
const OF_FILTER = /^x-.*(?:virus|infect|malware|spam|amavis-alert|mailscanner|qhpsi)/i
const IS_TAG = /^(?:yes|true|infected|virus)\b|infected|eicar|virus found/i
const OF_SPAM = /^(?=.*spam)(?!.*(?:infected|eicar|virus))/i
const IS_NONE = /^(?:no|not|none|false|clean|default: false|found to be clean)\b/i

/** Returns the fields that warn a reader or a mail filter, including a changed subject. */
function tagsOf(header: string, subject: string): string[] {
  const fields = header.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  return fields.filter((field) => {
    const [, name = '', value = ''] = /^([!-9;-~]+):\s*(.*)$/.exec(field) ?? []
    if (/^subject$/i.test(name)) return value.trim() !== subject
    if (/^x-rspamd-action$/i.test(name)) return /^(?:add header|rewrite subject|reject)/.test(value)
    return OF_FILTER.test(name) && IS_TAG.test(value) && !IS_NONE.test(value)
  })
}
