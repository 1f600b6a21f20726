import { createHash } from 'node:crypto'
import { bracketed } from '../../../base/text/bracketed.ts'
import { harmlessLine } from '../../../base/text/harmless.ts'
import { formatSize } from '../../../base/text/units.ts'
import { findingText, isSameAddress } from '../../scan/replies/found-in-words.ts'
import { type DigestEntry, digestAsHtml, digestAsText } from './digest-forms.ts'
import { type DigestWords, speakerOf } from './digest-words.ts'
import { asUtf8, type ShownMessage } from './shown-message.ts'

/** A digest: what is in quarantine, for the postmaster or for one of its recipients. */
export interface Digest {
  /** The address that receives it, latin1. */
  readonly to: string
  /** The messages that this mail describes, the newest first. */
  readonly shown: readonly ShownMessage[]
  /** The number of those in the parts before this one. */
  readonly shownBefore: number
  /** Its number among the messages that one run sends to this address, from 1 on, and their count. */
  readonly part: number
  readonly parts: number
  /** The number of quarantined messages of all these parts, and of the next digest. */
  readonly count: number
  /** The number of those that come with the next digest. */
  readonly left: number
  /** How many of all were kept for which reason. */
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

/** Upper limit, in characters, for a text of a stranger. */
const TEXT_MAX = 200

/**
 * Returns the mail, with lines that end in LF, as plain text and as HTML. In neither do mail programs find a link in the texts
 * of strangers. Programs recognize it as generated (RFC 3834 5), and a second one about the same messages by its Message-ID.
 */
export function digestMail(digest: Digest, origin: DigestOrigin): Buffer {
  const { to, part, parts } = digest
  const { host, now, words } = origin
  const { say, language } = speakerOf(words)
  const key = createHash('sha256')
    .update([to, ...idsOf(digest)].join('\n'))
    .digest('hex')
    .slice(0, 32)
  const subject =
    filled(words.subject, digest, origin) +
    (parts === 1 ? '' : ` (${say('part')} ${part} ${say('of')} ${parts})`)
  const header = [
    `From: Quarantine <${addressOf(digest, origin)}>`,
    `To: <${to}>`,
    `Subject: ${encodedWords(subject)}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <digest.${key}@${host}>`,
    'Auto-Submitted: auto-generated',
    ...(words.language === undefined ? [] : [`Content-Language: ${words.language}`]),
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative;\n boundary="=_${key}"`,
  ]
  const [before = '', end = ''] = filled(words.body, digest, origin).split('{messages}')
  const contents = {
    before,
    entries: digest.shown.map((message, at) => entryOf(message, at, digest, origin)),
    after: [...remarks(digest, origin), end.trimStart()].join('\n'),
  }
  const forms = [
    ['plain', digestAsText(contents)],
    ['html', digestAsHtml(contents, subject, { around: words.language, list: language })],
  ] as const
  const pieces = forms.map(([type, text]) => {
    const base64 = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n').trimEnd()
    return `--=_${key}\nContent-Type: text/${type}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${base64}\n`
  })
  return Buffer.from(`${header.join('\n')}\n\n${pieces.join('')}--=_${key}--\n`, 'latin1')
}

function filled(text: string, digest: Digest, origin: DigestOrigin): string {
  const { count, kinds } = digest
  const { host, words } = origin
  const { kind, messages } = speakerOf(words)
  const numbers = [...kinds].sort(([, number], [, other]) => other - number)
  return text
    .replaceAll('{host}', host)
    .replaceAll('{postmaster}', asUtf8(addressOf(digest, origin)))
    .replaceAll('{count}', messages(count))
    .replaceAll('{kinds}', numbers.map(([grounds, number]) => `${kind(grounds)}: ${number}`).join(', ')) // biome-ignore format: a line
}

/** Returns a text as encoded words (RFC 2047), if it is not ASCII. */
function encodedWords(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  const pieces = text.match(/.{1,11}/gsu) ?? [] // of at most 44 bytes
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`).join('\n ')
}

/** What is not in the list, after its last message. */
function remarks({ part, parts, left }: Digest, origin: DigestOrigin): readonly string[] {
  const { say, messages } = speakerOf(origin.words)
  const unread = origin.isForRecipient ? 0 : origin.unread
  const counted = [
    [left, '{count}, older than these, will be in the next report.'],
    [unread, '{count} cannot be read. onescan quarantine list shows why.'],
  ] as const
  return counted.flatMap(([count, phrase]) =>
    count === 0 || part < parts ? [] : [say(phrase).replace('{count}', messages(count)), ''],
  )
}

/** What people read about a message. Its recipient does not learn who else was one. */
function entryOf(
  message: ShownMessage,
  at: number,
  digest: Digest,
  origin: DigestOrigin,
): DigestEntry {
  const { isForRecipient, page, zone, words } = origin
  const { say, kind, language } = speakerOf(words)
  const { id, state, grounds, found, sender, recipients, recipientCount, subject } = message
  const { from, attachments, size, deletedOn, releasedCount } = message
  const number = digest.shownBefore + at + 1
  const fact = (name: Parameters<typeof say>[0], value: string): Fact[] =>
    value === '' ? [] : [[say(name), value]]
  const timeIn = (moment: string, form: Intl.DateTimeFormatOptions) =>
    new Date(moment).toLocaleString(language, { ...form, timeZone: zone })
  const author = plain(from || sender) || say('(no sender)')
  const isOwn = isSameAddress(from, sender)
  const others = recipientCount - recipients.length
  const more = others > 0 ? ` ${say('and')} ${others} ${say('more')}` : ''
  // The names of signatures are not texts of senders, and onescan allow takes them as they are.
  const isName = grounds !== 'banned' && /^[\w.{}-]+$/.test(found ?? '')
  const finding = found === null ? '' : ` (${isName ? found : plain(findingText(message))})`
  const kept = timeIn(message.time, { ...DAY, ...CLOCK })
  const until = deletedOn === null ? '' : `, ${say('until')} ${timeIn(deletedOn, DAY)}`
  const facts = [
    ...fact('From', author),
    ...fact('Sent by', isOwn ? '' : plain(sender) || say('no sender (a report about other mail)')),
    ...fact('To', isForRecipient ? '' : recipients.map(recipientText).join(', ') + more),
    ...fact('Found', kind(grounds) + finding),
    ...fact('Attached', plain(attachments.join(', '))),
    ...fact('Kept', `${kept}${until} (${formatSize(size)})`),
    ...fact('State', state === 'kept' ? '' : say('a release was interrupted, and it may have been delivered')), // biome-ignore format: a line
    ...fact('State', isForRecipient || releasedCount === 0 ? '' : `${releasedCount} ${say('of')} ${recipientCount} ${say('released')}`), // biome-ignore format: a line
    ...fact('Number', !isForRecipient && page !== undefined ? '' : id),
  ]
  const request = {
    subject: `${say('Please deliver')}: ${plain(subject ?? '', ASKED_MAX)} (${id})`,
    body: `${say('From')}: ${author}\n${say('Kept')}: ${kept}\n\n${say('I expect this message because')}: `,
  }
  const linkOf = (): DigestEntry['link'] => {
    if (!isForRecipient) {
      if (page === undefined) return undefined
      const url = `${page}?message=${id}`
      return { words: `${say('Open message')} ${number}`, url, short: url }
    }
    const short = { subject: `${say('Please deliver')} ${id}` }
    return {
      words: `${say('Ask for message')} ${number}`,
      url: mailTo(digest, origin, request),
      short: mailTo(digest, origin, short),
    }
  }
  return {
    number: `${number} ${say('of')} ${digest.count}`,
    subject: subject ? `“${plain(subject)}”` : say('(no subject)'),
    facts,
    link: linkOf(),
  }
}

type Fact = readonly [name: string, value: string]

/** Characters of a subject in a request. */
const ASKED_MAX = 60

const DAY = { day: 'numeric', month: 'short', year: 'numeric' } as const
const CLOCK = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const

/** The address of the postmaster, latin1. Each domain has a postmaster (RFC 5321 4.5.1): that of the recipient, or of this host. */
function addressOf({ to }: Digest, { postmaster, host }: DigestOrigin): string {
  if (postmaster.includes('@')) return postmaster
  return `${postmaster}@${to.includes('@') ? to.slice(to.lastIndexOf('@') + 1) : host}`
}

/** A link that writes a mail to the postmaster. */
function mailTo(digest: Digest, origin: DigestOrigin, fields: Record<string, string>): string {
  const query = Object.entries(fields).map(([name, text]) => `${name}=${encodeURIComponent(text.replaceAll('\n', '\r\n'))}`) // biome-ignore format: a line
  return `mailto:${encodeURIComponent(asUtf8(addressOf(digest, origin))).replaceAll('%40', '@')}?${query.join('&')}`
}

/** Returns an address that the mail server accepted: as it is, unless mail programs could make it the address of a page. */
const recipientText = (address: string) =>
  /^(?!www\.)[\p{L}\p{N}_.+-]+@[\p{L}\p{N}.-]+$/iu.test(address) ? address : plain(address)

/** Returns a text in one line, without anything that mail programs turn into a link: addresses of pages, files and hosts. */
const plain = (text: string, most = TEXT_MAX): string =>
  bracketed(harmlessLine(Array.from(text).slice(0, most).join('')))

/** Returns the address of a digest, for people. */
export const shownAddress = (address: string): string => harmlessLine(asUtf8(address))
