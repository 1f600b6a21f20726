import { createHash } from 'node:crypto'
import { lineForTerminal } from '../command/terminal.ts'
import { asUtf8, type ShownMessage } from './shown-message.ts'

/** A digest: what is in quarantine, for the postmaster or for one of its recipients. */
export interface Digest {
  /** The address that receives it, latin1. */
  readonly to: string
  readonly ids: string[]
  /** The first messages of `ids`, which the mail describes. */
  readonly shown: ShownMessage[]
}

/** Where the messages are, and who answers for them. */
interface DigestOrigin {
  readonly host: string
  /** The address of the postmaster, latin1. */
  readonly postmaster: string
  /** Whether the reader is the recipient of the messages, and not the postmaster. */
  readonly isForRecipient: boolean
  /** Unix milliseconds. */
  readonly now: number
}

/** Upper limit, in characters, for a text of a stranger. */
const TEXT_MAX = 200

/**
 * Returns the mail, with lines that end in LF. It is plain text, in which no mail program finds a link in the texts of
 * strangers. Programs recognize it as generated (RFC 3834 5), and a second one about the same messages by its Message-ID.
 */
export function digestMail(digest: Digest, origin: DigestOrigin): Buffer {
  const { to, ids } = digest
  const { host, postmaster, now } = origin
  const key = createHash('sha256')
    .update([to, ...ids].join('\n'))
    .digest('hex')
    .slice(0, 32)
  const header = [
    `From: <${postmaster}>`,
    `To: <${to}>`,
    `Subject: In quarantine on ${host}: ${messagesInWords(ids.length)}`,
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

function bodyOf({ ids, shown }: Digest, { host, isForRecipient }: DigestOrigin): string {
  const whose = isForRecipient ? ' for you' : ''
  const more = ids.length - shown.length
  const lines = [
    `Since the last digest, ${messagesInWords(ids.length)}${whose} came into quarantine on ${host}.`,
    '',
    ...shown.flatMap((message) => [...describe(message, isForRecipient), '']),
    ...(more > 0 ? [`${messagesInWords(more)} more: onescan quarantine list shows them.`, ''] : []),
    ...(isForRecipient
      ? ['If you need one of them, answer this mail, and copy its id.']
      : [
          `To show, deliver or delete one of them, on ${host}:`,
          '  onescan quarantine show ID',
          '  onescan quarantine release ID',
          '  onescan quarantine delete ID',
        ]),
    '',
    'In texts of senders, dots and colons are in brackets, so that mail clients show no links.',
  ]
  return `${lines.join('\n')}\n`
}

/** The lines about a message. Its recipient does not learn who else was one. */
function describe(message: ShownMessage, isForRecipient: boolean): string[] {
  const { id, time, state, grounds, found, sender, recipients, recipientCount, subject } = message
  const more = recipientCount > recipients.length ? `, +${recipientCount - recipients.length}` : ''
  const rows = [
    ['kept', `${time.slice(0, 19).replace('T', ' ')} UTC, ${message.size} bytes`],
    ['reason', found === null ? grounds : `${grounds}: ${plain(found)}`],
    ['from', `<${plain(sender)}>`],
    ...(isForRecipient ? [] : [['to', recipients.map((to) => `<${plain(to)}>`).join(', ') + more]]),
    ...(subject === null ? [] : [['subject', plain(subject)]]),
    ...(state === 'kept' ? [] : [['state', 'a release was interrupted']]),
  ]
  return [id, ...rows.map(([name = '', value]) => `  ${name.padEnd(8)} ${value}`)]
}

/** Returns a text in one line, without anything that mail programs turn into a link: addresses of pages, files and hosts. */
function plain(text: string): string {
  const cut = Array.from(text).slice(0, TEXT_MAX).join('')
  return lineForTerminal(cut).replace(/[.:\u3002\uff0e\uff61](?=\S)|\\(?=\\)|\/(?=\/)/g, '[$&]')
}

/** Returns the address of a digest, for people. */
export const shownAddress = (address: string): string => lineForTerminal(asUtf8(address))
