import { createHash } from 'node:crypto'
import { Fault } from '../../../base/errors/fault.ts'
import { harmlessLine } from '../../../base/text/harmless.ts'
import { formatSize } from '../../../base/text/units.ts'
import { findingText, isSameAddress, kindText } from '../../scan/replies/found-in-words.ts'
import { asUtf8, type ShownMessage } from './shown-message.ts'

/** A digest: what is in quarantine, for the postmaster or for one of its recipients. */
export interface Digest {
  /** The address that receives it, latin1. */
  readonly to: string
  /** The newest messages, which the mail describes. */
  readonly shown: ShownMessage[]
  /** The number of others, which come with the next digest. */
  left: number
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

/** The words around the messages: {host}, {count} and {messages} are replaced. */
interface DigestWords {
  readonly subject: string
  readonly body: string
}

/** Upper limit, in characters, for a text of a stranger. */
const TEXT_MAX = 200

/**
 * Returns the mail, with lines that end in LF. It is plain text, in which no mail program finds a link in the texts of
 * strangers. Programs recognize it as generated (RFC 3834 5), and a second one about the same messages by its Message-ID.
 */
export function digestMail(digest: Digest, origin: DigestOrigin): Buffer {
  const { to } = digest
  const { host, postmaster, now, words } = origin
  const key = createHash('sha256')
    .update([to, ...idsOf(digest)].join('\n'))
    .digest('hex')
    .slice(0, 32)
  const header = [
    `From: <${postmaster}>`,
    `To: <${to}>`,
    `Subject: ${encodedWords(filled(words.subject, digest, host))}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <digest.${key}@${host}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ]
  const body = Buffer.from(bodyOf(digest, origin)).toString('base64').replace(/.{76}/g, '$&\n')
  return Buffer.from(`${header.join('\n')}\n\n${body.trimEnd()}\n`, 'latin1')
}

/** Returns `2 messages`. */
export const messagesInWords = (count: number): string =>
  `${count} ${count === 1 ? 'message' : 'messages'}`

/** Returns the usual words, for the postmaster or for a recipient. */
export function usualWords(isForRecipient: boolean, page: string | undefined): DigestWords {
  const lines = [
    `Since the last digest, {count}${isForRecipient ? ' for you' : ''} came into quarantine on {host}.`,
    '',
    '{messages}',
    ...(isForRecipient
      ? [
          'If you need one of them, answer this mail, and copy its id. They may be harmful: ask only for mail that you expect.',
        ]
      : page === undefined
        ? [
            'To show, deliver or delete one of them, on {host}:',
            '  onescan quarantine show ID',
            '  onescan quarantine release ID',
            '  onescan quarantine delete ID',
          ]
        : ['Open a link to show, release or delete one.']),
    '',
    'Dots and colons in texts of senders are shown as [.] and [:], so that nothing becomes a link.',
  ]
  return { subject: 'In quarantine on {host}: {count}', body: lines.join('\n') }
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

const filled = (words: string, { shown, left }: Digest, host: string) =>
  words.replaceAll('{host}', host).replaceAll('{count}', messagesInWords(shown.length + left))

/** Returns a text as encoded words (RFC 2047), if it is not ASCII. */
function encodedWords(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  const pieces = text.match(/.{1,11}/gsu) ?? [] // of at most 44 bytes
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`).join('\n ')
}

function bodyOf(digest: Digest, origin: DigestOrigin): string {
  const { shown, left } = digest
  const unread = origin.isForRecipient ? 0 : origin.unread
  const lines = [
    ...shown.flatMap((message) => [...describe(message, origin), '']),
    ...(left > 0 ? [`${messagesInWords(left)}, older than these, will be in the next digest.`, ''] : []), // biome-ignore format: a line
    ...(unread > 0 ? [`${messagesInWords(unread)} cannot be read: onescan quarantine list names them.`, ''] : []), // biome-ignore format: a line
  ]
  const [before = '', after = ''] = filled(origin.words.body, digest, origin.host).split('{messages}') // biome-ignore format: a line
  return `${before}${lines.join('\n')}${after}\n`
}

/** The lines about a message. Its recipient does not learn who else was one. */
function describe(message: ShownMessage, { isForRecipient, zone, page }: DigestOrigin): string[] {
  const { id, time, state, grounds, found, sender, recipients, recipientCount, subject } = message
  const { from, attachments, size, deletedOn } = message
  const more = recipientCount > recipients.length ? `, +${recipientCount - recipients.length}` : ''
  const at = (moment: string, form = {}) =>
    new Date(moment).toLocaleString('sv-SE', { timeZone: zone, ...form })
  // The names of signatures are not texts of senders, and onescan allow takes them as they are.
  const finding = grounds !== 'banned' && /^[\w.{}-]+$/.test(found ?? '') ? found : plain(findingText(message)) // biome-ignore format: a line
  const rows = [
    ['kept', `${at(time, { timeZoneName: 'short' })}, ${formatSize(size)}`],
    ...(deletedOn === null ? [] : [['deleted', at(deletedOn).slice(0, 10)]]),
    ['reason', kindText(grounds) + (found === null ? '' : `: ${finding}`)],
    ...(from === '' ? [] : [['from', plain(from)]]),
    ...(isSameAddress(from, sender) && from !== '' ? [] : [['sender', sender === '' ? 'nobody' : `<${plain(sender)}>`]]), // biome-ignore format: a line
    ...(isForRecipient ? [] : [['to', recipients.map((to) => `<${plain(to)}>`).join(', ') + more]]),
    ...(subject === null ? [] : [['subject', plain(subject)]]),
    ...(attachments.length === 0 ? [] : [['files', plain(attachments.join(', '))]]),
    ...(state === 'kept' ? [] : [['state', 'a release was interrupted']]),
    ...(isForRecipient || page === undefined ? [] : [['page', `${page}?message=${id}`]]),
  ]
  return [id, ...rows.map(([name = '', value]) => `  ${name.padEnd(8)} ${value}`)]
}

/** Returns a text in one line, without anything that mail programs turn into a link: addresses of pages, files and hosts. */
function plain(text: string): string {
  const cut = Array.from(text).slice(0, TEXT_MAX).join('')
  return harmlessLine(cut).replace(/[.:\u3002\uff0e\uff61](?=\S)|\\(?=\\)|\/(?=\/)/g, '[$&]')
}

/** Returns the address of a digest, for people. */
export const shownAddress = (address: string): string => harmlessLine(asUtf8(address))
