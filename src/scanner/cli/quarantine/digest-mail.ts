import { createHash } from 'node:crypto'
import { readAddress } from '../../../base/text/address.ts'
import { bracketed } from '../../../base/text/bracketed.ts'
import { harmlessLine } from '../../../base/text/harmless.ts'
import { shortNumber } from '../../../base/text/short-number.ts'
import { asUtf8, type ShownMessage } from '../../desk/shown-message.ts'
import { secondsOf } from '../../scan/quarantine/entries.ts'
import { findingText, isSameAddress } from '../../scan/replies/found-in-words.ts'
import { type DigestEntry, digestAsHtml, digestAsText, type Fact } from './digest-forms.ts'
import { type DigestWords, speakerOf } from './digest-words.ts'
import { type EqualMessages, searchForEqual } from './equal-messages.ts'

/** A digest: what is in quarantine, for the postmaster or for one of its recipients. */
export interface Digest {
  /** The address that receives it, latin1. */
  readonly to: string
  /** What this mail describes. */
  readonly entries: readonly EqualMessages[]
  /** The number of entries in the parts before this one, and in all parts. */
  readonly entriesBefore: number
  readonly entryCount: number
  /** Its number among the messages that one run sends to this address, from 1 on, and their count. */
  readonly part: number
  readonly parts: number
  /** The number of quarantined messages of all these parts, and of the next digest. */
  readonly count: number
  /** The number of quarantined messages that come with the next digest. */
  readonly left: number
  /** How many of all were kept for which reason. */
  readonly kinds: ReadonlyMap<string, number>
}

/** Returns the ids of the messages that a digest describes. */
export const idsOf = (digest: Digest): string[] => messagesOf(digest).map(({ id }) => id)

const messagesOf = ({ entries }: Digest) => entries.flatMap(({ messages }) => messages)

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
  readonly stock: Stock
}

/** What the whole quarantine has. */
export interface Stock {
  /** Messages that some recipients lack. */
  waiting: number
  /** Messages that some recipients lack, and that are deleted within ENDING_DAYS. */
  ending: number
  /** Messages that could not be read. */
  unread: number
}

/** The days for which a digest counts what is deleted: until the next sign of life. */
export const ENDING_DAYS = 7

/** Upper limit, in characters, for a text of a stranger. */
const TEXT_MAX = 200
/** Recipients, senders and other texts of an entry that are named. */
export const NAMED_MAX = 3

/**
 * Returns the mail, with lines that end in LF, as plain text and as HTML. In neither do mail programs find a link in the texts
 * of strangers. Programs recognize it as generated (RFC 3834 5), and a second one about the same messages by its Message-ID.
 */
export function digestMail(digest: Digest, origin: DigestOrigin): Buffer {
  const { to, part, parts } = digest
  const { host, now, words } = origin
  const { say, language } = speakerOf(words)
  const key = createHash('sha256')
    .update([to, ...(digest.count === 0 ? [now] : idsOf(digest))].join('\n'))
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
  const entries = digest.entries.map((equal, at) => entryOf(equal, at, digest, origin))
  const notes = [...remarks(digest, origin), ...(hasBrackets(entries) ? [say(BRACKETS), ''] : [])]
  const contents = { before, entries, after: [...notes, end.trimStart()].join('\n') }
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
  const { to, count, entryCount, left, kinds } = digest
  const { host, words } = origin
  const { kind, messages, say } = speakerOf(words)
  const numbers = [...kinds].sort(([, number], [, other]) => other - number)
  return text
    .replaceAll('{host}', host)
    .replaceAll('{postmaster}', asUtf8(addressOf(digest, origin)))
    .replaceAll('{site}', asUtf8(readAddress(to).domain ?? host))
    .replaceAll('{count}', messages(count))
    .replaceAll(' {entries}', entryCount + left === count ? '' : ` ${say('in {number} entries').replace('{number}', String(entryCount))}`) // biome-ignore format: a line
    .replaceAll('{kinds}', numbers.map(([grounds, number]) => `${kind(grounds)}: ${number}`).join(', ')) // biome-ignore format: a line
}

/** Returns a text as encoded words (RFC 2047), if it is not ASCII. */
function encodedWords(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  const pieces = text.match(/.{1,11}/gsu) ?? [] // of at most 44 bytes
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`).join('\n ')
}

const BRACKETS =
  'We write [.] for a dot in addresses and file names, so that none of them can be clicked.'

const hasBrackets = (entries: readonly DigestEntry[]) =>
  /\[[.:\\/]\]/.test(JSON.stringify(entries.map(({ subject, lines }) => [subject, lines])))

/** What is not in the list, after its last message. */
function remarks(digest: Digest, origin: DigestOrigin): readonly string[] {
  const { part, parts, left } = digest
  const { isForRecipient, page, stock, zone } = origin
  const { say, messages, language } = speakerOf(origin.words)
  const isLast = part === parts
  const isWhole = isLast && !isForRecipient
  const hasNoSender = messagesOf(digest).some(({ from, sender }) => from !== '' && sender === '')
  const counted = (phrase: Parameters<typeof say>[0], count: number) =>
    say(phrase).replace('{count}', messages(count))
  const whyUnread = page === undefined ? '{count} cannot be read. onescan quarantine list shows why.' : '{count} cannot be read. Inform your mail administrator.' // biome-ignore format: a line
  const ends = messagesOf(digest).flatMap(({ deletedOn }) => (deletedOn === null ? [] : [Date.parse(deletedOn)])) // biome-ignore format: a line
  const day = new Intl.DateTimeFormat(language, { ...DAY_FORM, timeZone: zone })
  const days = ends.length === 0 ? '' : day.formatRange(Math.min(...ends), Math.max(...ends))
  const whenDeleted = days && ` ${say('Those above are deleted on {days}.').replace('{days}', days)}` // biome-ignore format: a line
  const lines = [
    !isForRecipient && hasNoSender && say('Mail with no sender is a report about other mail, or looks like one.'), // biome-ignore format: a line
    isLast && left > 0 && counted('Another {count} will be in the next report.', left),
    isWhole && stock.unread > 0 && counted(whyUnread, stock.unread),
    isWhole && `${counted('{count} in quarantine now.', stock.waiting)} ${counted('{count} to be deleted within 7 days.', stock.ending)}${whenDeleted}`, // biome-ignore format: a line
  ]
  return lines.flatMap((line) => (line === false ? [] : [line, '']))
}

/** What people read about a message, or about several that are equal. A recipient does not learn who else was one. */
function entryOf(
  equal: EqualMessages,
  at: number,
  digest: Digest,
  origin: DigestOrigin,
): DigestEntry {
  const { isForRecipient, page, zone, words } = origin
  const { say, kind, danger, language, messages: numberOf } = speakerOf(words)
  const { messages } = equal
  const [newest] = messages
  const oldest = messages.at(-1) ?? newest
  const { id, grounds, found, attachments } = newest
  const isOne = messages.length === 1
  const number = digest.entriesBefore + at + 1
  const fact = (name: Parameters<typeof say>[0], value: string): Fact[] =>
    value === '' ? [] : [[say(name), value]]
  const sum = (of: (message: ShownMessage) => number) =>
    messages.reduce((all, message) => all + of(message), 0)
  /** The first of the different texts of all messages, of which some are not known. */
  const first = (textsOf: (message: ShownMessage) => string | readonly string[], unknown = 0) => {
    const texts = [...new Set(messages.flatMap(textsOf))].filter((text) => text !== '')
    const others = Math.max(0, texts.length - NAMED_MAX) + unknown
    const count = isOne || unknown === 0 ? `${others} ` : '' // those of several may be the same
    const more = others === 0 ? '' : ` ${say('and')} ${count}${say('more')}`
    return texts.slice(0, NAMED_MAX).join(', ') + more
  }
  const timeIn = (form: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(language, { ...form, timeZone: zone })
  const subject = first((message) => message.subject ? `“${plain(message.subject)}”` : say('(no subject)')) // biome-ignore format: a line
  const author = first(({ from, sender }) => plain(from || sender) || say('(no sender)'))
  const sentBy = first(({ from, sender }) =>
    isSameAddress(from, sender) ? '' : plain(sender) || say('no sender'),
  )
  const recipientCount = sum((message) => message.recipientCount)
  const unnamed = recipientCount - sum(({ recipients }) => recipients.length)
  const released = sum(({ releasedCount }) => releasedCount)
  // The names of signatures are not texts of senders, and onescan allow takes them as they are.
  const isName = grounds !== 'banned' && /^[\w.{}-]+$/.test(found ?? '')
  // The name of a signature is for those who can allow it, and that of a file for everybody.
  const isNamed = found !== null && (!isForRecipient || grounds === 'banned')
  const nameText = isNamed ? ` (${isName ? found : plain(findingText(newest))})` : ''
  const finding = [kind(grounds) + nameText, danger(grounds)].filter(Boolean).join('. ')
  const time = (message: ShownMessage) =>
    timeIn({ weekday: 'short', ...DAY_FORM, ...CLOCK_FORM }).format(timeOf(message))
  const end = newest.deletedOn
  const deletedOn = end === null ? '' : timeIn(DAY_FORM).format(Date.parse(end))
  const isKept = messages.every(({ state }) => state === 'kept')
  // What is forbidden is most often the only file.
  const isAttached = grounds !== 'banned' || attachments.join() !== findingText(newest) || !isOne
  const attached = fact('Attached', isAttached ? first((message) => message.attachments.map((name) => plain(name))) : '') // biome-ignore format: a line
  const foundFact = fact('Found', isForRecipient ? finding : kind(grounds) + nameText)
  const times = isOne
    ? [...fact('Kept', time(newest)), ...fact('Deleted on', isForRecipient ? deletedOn : '')]
    : [...fact('First', time(oldest)), ...fact('Last', time(newest))]
  const fate = [
    ...times,
    ...fact('State', isKept ? '' : say('a release was interrupted, and it may have been delivered')), // biome-ignore format: a line
    ...fact('State', isForRecipient || released === 0 ? '' : `${released} ${say('of')} ${recipientCount} ${say('released')}`), // biome-ignore format: a line
    ...fact('Number', isOne || page === undefined ? first((message) => shortNumber(message.id)) : ''), // biome-ignore format: a line
  ]
  const whom = isForRecipient
    ? []
    : [
        ...fact('Sent by', isOne ? sentBy : ''), // that of a list differs in each
        ...fact(
          'To',
          first(({ recipients }) => recipients.map(recipientText), unnamed),
        ),
      ]
  const linkOf = (): DigestEntry['link'] => {
    if (isForRecipient) {
      const about = [
        [say('From'), author],
        [say('Kept'), time(newest)],
        ...(page === undefined ? [] : [[say('For the help desk'), `${page}?message=${id}`]]),
      ]
      const wanted = `${say('Please deliver')} ${shortNumber(id)}`
      const request = {
        subject: newest.subject ? `${wanted}: ${plain(newest.subject, ASKED_MAX)}` : wanted,
        body: [...about.map((line) => line.join(': ')), '', `${say('I expect this message because')}: `].join('\n'), // biome-ignore format: a line
      }
      return {
        words: `${say('Ask for message')} ${number}`,
        url: mailTo(digest, origin, request),
        plain: `${say('write to {postmaster}, with this subject').replace('{postmaster}', asUtf8(addressOf(digest, origin)))}: ${wanted}`, // biome-ignore format: a line
      }
    }
    if (page === undefined) return undefined
    const url = `${page}?${isOne ? `message=${id}` : searchForEqual(equal)}`
    return { words: isOne ? '' : say('Show all with this finding'), url, plain: url }
  }
  return {
    number,
    subject: isOne ? subject : `${numberOf(messages.length)}, ${subject}`,
    lines: isForRecipient
      ? [[...fact('From', author), ...attached], foundFact, fate]
      : [
          [...fact('From', author), ...whom],
          [...foundFact, ...attached, ...fate],
        ],
    link: linkOf(),
  }
}

/** Characters of a subject in a request. */
const ASKED_MAX = 60

/** When a message was kept, unix milliseconds. */
const timeOf = ({ id }: ShownMessage) => secondsOf(id) * 1000

const DAY_FORM = { day: 'numeric', month: 'short' } as const
const CLOCK_FORM = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const

/** The address of the postmaster, latin1. Each domain has a postmaster (RFC 5321 4.5.1): that of the recipient, or of this host. */
function addressOf({ to }: Digest, { postmaster, host }: DigestOrigin): string {
  if (postmaster.includes('@')) return postmaster
  return `${postmaster}@${readAddress(to).domain ?? host}`
}

/** A link that writes a mail to the postmaster. */
function mailTo(digest: Digest, origin: DigestOrigin, fields: Record<string, string>): string {
  const query = Object.entries(fields).map(([name, text]) => `${name}=${encodeURIComponent(text.replaceAll('\n', '\r\n'))}`) // biome-ignore format: a line
  return `mailto:${encodeURIComponent(asUtf8(addressOf(digest, origin))).replaceAll('%40', '@')}?${query.join('&')}`
}

/** Returns an address that the mail server accepted: as it is, unless mail programs could make it the address of a page. */
const recipientText = (address: string) =>
  /^(?!www\.)[\p{L}\p{N}_.+-]+@[\p{L}\p{N}.-]+$/iu.test(address) ? address : plain(address)

/**
 * Returns a text in one line, without anything that mail programs turn into a link, such as addresses of pages and hosts. It
 * ends no fact: what separates those is not in it.
 */
const plain = (text: string, most = TEXT_MAX): string =>
  bracketed(harmlessLine(Array.from(text).slice(0, most).join('')).replaceAll(';', ','))

/** Returns the address of a digest, for people. */
export const shownAddress = (address: string): string => harmlessLine(asUtf8(address))
