import { createHash } from 'node:crypto'
import { Fault } from '../../../base/errors/fault.ts'
import { bracketed } from '../../../base/text/bracketed.ts'
import { harmlessLine } from '../../../base/text/harmless.ts'
import { formatSize } from '../../../base/text/units.ts'
import {
  findingText,
  isSameAddress,
  kindText,
  releasedText,
} from '../../scan/replies/found-in-words.ts'
import { type DigestEntry, digestAsHtml, digestAsText } from './digest-forms.ts'
import { asUtf8, type ShownMessage } from './shown-message.ts'

/** A digest: what is in quarantine, for the postmaster or for one of its recipients. */
export interface Digest {
  /** The address that receives it, latin1. */
  readonly to: string
  /** The messages that this mail describes, the newest first. */
  readonly shown: readonly ShownMessage[]
  /** Its number among the messages that one run sends to this address, from 1 on, and their count. */
  readonly part: number
  readonly parts: number
  /** The number of quarantined messages of all these parts, and of the next digest. */
  readonly count: number
  /** The number of those that come with the next digest. */
  readonly left: number
  /** How many of those in all parts were kept for which reason. */
  readonly kinds: ReadonlyMap<string, number>
}

/** Returns the ids of the messages that a digest describes. */
export const idsOf = ({ shown }: Digest): string[] => shown.map(({ id }) => id)

/** Where the messages are, and who answers for them. */
interface DigestOrigin {
  readonly host: string
  /** The address of the postmaster, latin1. */
  readonly postmaster: string
  /** Whether the reader is the recipient of the messages, and not the postmaster. */
  readonly isForRecipient: boolean
  /** Unix milliseconds. */
  readonly now: number
  /** The time zone of the reader, such as Europe/Berlin; undefined: that of this host. */
  readonly zone: string | undefined
  /** The page of the quarantine. */
  readonly page: string | undefined
  readonly words: DigestWords
  /** Messages that could not be read. */
  readonly unread: number
}

/** The words around the messages: {host}, {count}, {kinds} and {messages} are replaced. A line is a paragraph, as wide as it needs. */
interface DigestWords {
  readonly subject: string
  readonly body: string
  /** Undefined: not known. */
  readonly language?: string
}

/** The sender of a message that has none. */
const NOBODY = 'no sender (a report about other mail)'

/** Upper limit, in characters, for a text of a stranger. */
const TEXT_MAX = 200

/**
 * Returns the mail, with lines that end in LF, as plain text and as HTML. In neither do mail programs find a link in the texts
 * of strangers. Programs recognize it as generated (RFC 3834 5), and a second one about the same messages by its Message-ID.
 */
export function digestMail(digest: Digest, origin: DigestOrigin): Buffer {
  const { to, part, parts } = digest
  const { host, postmaster, now, words } = origin
  const key = createHash('sha256')
    .update([to, ...idsOf(digest)].join('\n'))
    .digest('hex')
    .slice(0, 32)
  const subject =
    filled(words.subject, digest, host) + (parts === 1 ? '' : ` (part ${part} of ${parts})`)
  const header = [
    `From: Quarantine <${postmaster}>`,
    `To: <${to}>`,
    `Subject: ${encodedWords(subject)}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <digest.${key}@${host}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative;\n boundary="=_${key}"`,
  ]
  const entries = digest.shown.map((message) => entryOf(message, digest, origin))
  const [before = '', after = ''] = filled(words.body, digest, host).split('{messages}')
  const end = [...remarks(digest, origin), after.trimStart()].join('\n')
  const forms = [
    ['plain', digestAsText(before, entries, end)],
    ['html', digestAsHtml(before, entries, end, { title: subject, language: words.language })],
  ] as const
  const pieces = forms.map(([type, text]) => {
    const base64 = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n').trimEnd()
    return `--=_${key}\nContent-Type: text/${type}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${base64}\n`
  })
  return Buffer.from(`${header.join('\n')}\n\n${pieces.join('')}--=_${key}--\n`, 'latin1')
}

/** Returns `2 messages`. */
export const messagesInWords = (count: number): string =>
  `${count} ${count === 1 ? 'message' : 'messages'}`

/** Returns the usual words, for the postmaster or for a recipient. */
export function usualWords(isForRecipient: boolean, page: string | undefined): DigestWords {
  const note =
    'Dots, colons, double slashes and double backslashes in texts of others are in brackets, such as [.], so that nothing becomes a link.'
  if (isForRecipient) {
    const lines = [
      'The mail server {host} held back {count} to you: it found a virus, a forbidden file, or something that it could not check.',
      '',
      '- You do not expect a message? Do nothing: it is deleted later.',
      '- You need one? Follow its link "Ask for it": a mail to the help desk opens. Write why you expect the message, and send it. The help desk then looks at the message, and can deliver it. It may do harm: ask only for mail that you expect.',
      '',
      note,
      '',
      '{messages}',
    ]
    return { subject: 'Not delivered to you: {count}', body: lines.join('\n'), language: 'en' }
  }
  const lines = [
    'You get this report as the postmaster of {host}. Since the last one, onescan has quarantined {count} ({kinds}). None of them was delivered, unless it has a line "State".',
    ...(page === undefined ? [] : [`All that wait: ${page}`]),
    '',
    'You need not do anything: the messages are deleted later.',
    ...(page === undefined
      ? [
          'If a recipient needs one:',
          ...['show', 'release', 'delete'].map((act) => `- onescan quarantine ${act} NUMBER`),
        ]
      : ['If a recipient needs one, follow its link "Open it", look at it, and release it.']),
    '',
    note,
    '',
    '{messages}',
  ]
  return { subject: 'New in quarantine on {host}: {count}', body: lines.join('\n'), language: 'en' }
}

/**
 * Reads the words of a site: a first line that begins with `Subject: `, and a text with {messages} in it. Throws a Fault for
 * anything else.
 */
export function parseWords(text: string, file: string): DigestWords {
  const [, subject, body] = /^Subject: ([^\n]+?)\r?\n(?:\r?\n)?(.*)$/s.exec(text) ?? []
  if (subject !== undefined && body?.split('{messages}').length === 2)
    return { subject, body: body.trimEnd() }
  throw new Fault('config', `--text ${file}: must begin with a line "Subject: ...", and have {messages} once below it`) // biome-ignore format: a line
}

const filled = (words: string, { count, kinds }: Digest, host: string) =>
  words
    .replaceAll('{host}', host)
    .replaceAll('{count}', messagesInWords(count))
    .replaceAll('{kinds}', [...kinds].map(([grounds, number]) => `${kindText(grounds)}: ${number}`).join(', ')) // biome-ignore format: a line

/** Returns a text as encoded words (RFC 2047), if it is not ASCII. */
function encodedWords(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  const pieces = text.match(/.{1,11}/gsu) ?? [] // of at most 44 bytes
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`).join('\n ')
}

/** What is not in the list, and where it is. */
function remarks({ part, parts, left }: Digest, origin: DigestOrigin): readonly string[] {
  const { isForRecipient, page } = origin
  const unread = isForRecipient ? 0 : origin.unread
  const where = isForRecipient ? 'Your mail administrator has them, too' : `All are here: ${page ?? 'onescan quarantine list'}` // biome-ignore format: a line
  return [
    ...(part < parts ? ['Older messages are in the next part of this report.', ''] : []),
    ...(part === parts && left > 0
      ? [`${messagesInWords(left)}, older than these, will be in the next report. ${where}`, '']
      : []),
    ...(unread > 0
      ? [`${messagesInWords(unread)} cannot be read: onescan quarantine list shows why.`, '']
      : []),
  ]
}

/** What people read about a message, in the words of the page. Its recipient does not learn who else was one. */
function entryOf(message: ShownMessage, digest: Digest, origin: DigestOrigin): DigestEntry {
  const { isForRecipient, zone } = origin
  const { id, time, state, grounds, found, sender, recipients, recipientCount, subject } = message
  const { from, attachments, size, deletedOn, releasedCount } = message
  const more =
    recipientCount > recipients.length ? ` and ${recipientCount - recipients.length} more` : ''
  // The names of signatures are not texts of senders, and onescan allow takes them as they are.
  const finding = grounds !== 'banned' && /^[\w.{}-]+$/.test(found ?? '') ? found : plain(findingText(message)) // biome-ignore format: a line
  const until = deletedOn === null ? '' : `, until ${dayText(deletedOn, zone)}`
  const isOwn = isSameAddress(from, sender)
  return {
    subject: subject ? `“${plain(subject)}”` : '(no subject)',
    rows: [
      ['From', plain(from || sender) || '(no sender)'],
      ...(isOwn ? [] : [['Sent by', plain(sender) || NOBODY] as const]),
      ...(isForRecipient
        ? []
        : [
            [
              'To',
              recipients.map((to) => (isOurs(to, origin) ? to : plain(to))).join(', ') + more,
            ] as const,
          ]),
      ['Found', kindText(grounds) + (found === null ? '' : `: ${finding}`)],
      ...(attachments.length === 0 ? [] : [['Attached', plain(attachments.join(', '))] as const]),
      ['Kept', `${timeText(time, zone)}${until} (${formatSize(size)})`],
      ...(state === 'kept'
        ? []
        : [['State', 'a release was interrupted, and it may have been delivered'] as const]),
      ...(isForRecipient || releasedCount === 0 ? [] : [['State', releasedText(message)] as const]),
      ['Number', id],
    ],
    link: isForRecipient ? askFor(message, digest, origin) : openAt(id, origin),
  }
}

const openAt = (id: string, { page }: DigestOrigin): DigestEntry['link'] =>
  page === undefined ? undefined : { words: 'Open it', url: `${page}?message=${id}` }

/** Whether an address is one of the postmaster's own domain, as people know it. */
function isOurs(address: string, { postmaster }: DigestOrigin): boolean {
  const [, domain] = /^[\w.+-]+@([\w.-]+)$/.exec(address) ?? []
  return domain !== undefined && postmaster.toLowerCase().endsWith(`@${domain.toLowerCase()}`)
}

/** Characters of a subject in a request. */
const ASKED_MAX = 60

/** A mail to the postmaster that asks for the message. Each domain has a postmaster (RFC 5321 4.5.1). */
function askFor(
  { id, subject, from, sender, time }: ShownMessage,
  { to }: Digest,
  { postmaster, zone }: DigestOrigin,
): DigestEntry['link'] {
  const address = postmaster.includes('@') ? postmaster : postmaster + to.slice(to.lastIndexOf('@'))
  const about = Array.from(subject ?? '')
    .slice(0, ASKED_MAX)
    .join('')
  const fields = {
    subject: `Please deliver: ${plain(about)} (${id})`,
    body: `From: ${plain(from || sender) || '(no sender)'}\nKept: ${timeText(time, zone)}\n\nI expect this message because: `,
  }
  const query = Object.entries(fields).map(([name, text]) => `${name}=${encodeURIComponent(text.replaceAll('\n', '\r\n'))}`) // biome-ignore format: a line
  const at = encodeURIComponent(asUtf8(address)).replaceAll('%40', '@')
  return { words: 'Ask for it', url: `mailto:${at}?${query.join('&')}` }
}

const DAY = { day: 'numeric', month: 'short', year: 'numeric' } as const
const CLOCK = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const

/** Returns `29 Nov 2026, 10:12 CET`. */
const timeText = (time: string, timeZone: string | undefined) =>
  new Date(time).toLocaleString('en-GB', { ...DAY, ...CLOCK, timeZone })
const dayText = (time: string, timeZone: string | undefined) =>
  new Date(time).toLocaleDateString('en-GB', { ...DAY, timeZone })

/** Returns a text in one line, without anything that mail programs turn into a link: addresses of pages, files and hosts. */
const plain = (text: string): string =>
  bracketed(harmlessLine(Array.from(text).slice(0, TEXT_MAX).join('')))

/** Returns the address of a digest, for people. */
export const shownAddress = (address: string): string => harmlessLine(asUtf8(address))
