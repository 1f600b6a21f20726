// What the page says: its readers have no shell, and know neither HTTP nor the files of this host.

import { formatSize } from '../../../../../base/text/units.ts'
import {
  dangers,
  dangerText,
  findingText,
  kindsInWords,
  kindText,
  releasedText,
} from '../../../../scan/replies/found-in-words.ts'
import { visible } from '../elements.js'

/** @import { ProblemType } from '../../../../protocol/quarantine-api/problems.ts' */
/** @import { Act, Me } from './answers.js' */
/** @typedef {ProblemType | 'no-answer'} ProblemCode */

const ASK = 'Ask your mail administrator, and name the number of the message.'
const TELL = 'Inform your mail administrator.'
const RELOAD = 'The quarantine did not understand this page. Reload it, and try again.'

/**
 * A sentence for each problem that a request may have, and for no answer at all.
 *
 * @type {Readonly<Record<ProblemCode, string>>}
 */
export const problems = {
  'no-answer': 'The quarantine does not answer. Try again in a minute.',
  'no-token': 'This token is not valid. Check it, or ask your mail administrator for a new one.',
  'not-allowed': 'Your token does not permit this. Ask your mail administrator.',
  'too-many-attempts': 'There were too many wrong tokens. Wait a minute, and try again.',
  'not-this-kind': `Your token does not let you release messages with such a finding. ${ASK}`,
  'no-message': 'The message is no longer in quarantine: it was deleted, or it became too old.',
  busy: 'Another user is working on this message now. Try again in a minute.',
  released:
    'Another user has released this message already, so it was not sent again. Open it once more to see who.',
  interrupted:
    'An earlier release was interrupted, and the message may have been delivered. Ask the recipient first; then release it again.',
  'for-others':
    'This message is also for people whose mail you do not manage, so you cannot delete it. It is deleted on the day shown.',
  'cannot-release': `This message cannot be released here. ${ASK}`,
  'no-recipient': 'It is not known for whom this message is. Open it, and write an address.',
  'unknown-recipient':
    'This address cannot be shown correctly, so only a release to all recipients reaches it. If not all should have it, ask your mail administrator.',
  'cannot-sign': `This message cannot be released here, because of its header. ${ASK}`,
  'no-key': `Messages cannot be released here yet: a key is missing. ${TELL}`,
  'no-exceptions': 'No exceptions can be made on this page. Ask your mail administrator.',
  'no-exception': `No exception can be made for this message. ${ASK}`,
  refused:
    'The mail server cannot be reached, so no recipient got the message. Try again in 15 minutes.',
  'maybe-sent':
    'The mail server did not confirm the message, so it may have been delivered. Ask the recipient before you release it again.',
  'partly-released':
    'The mail server accepted the message for some recipients only. Release it again: only the others will get it.',
  damaged:
    'The stored message is damaged, so it can be neither shown nor released. Inform your mail administrator.',
  quarantine: 'The quarantine cannot be used at present. Inform your mail administrator.',
  'disk-full':
    'The disk of the mail server is full, so nothing was done. Inform your mail administrator.',
  overload: 'The quarantine is busy. Try again in a few seconds.',
  late: 'This took too long, and was given up. Try again in a minute.',
  internal:
    'The quarantine failed at this. Inform your mail administrator: the log has the reason.',
  'bad-request': RELOAD,
  'not-found': RELOAD,
  method: RELOAD,
  'too-large': 'The message is too large to be saved here. Ask your mail administrator.',
  'other-request': RELOAD,
}

export { dangerText, kindsInWords, kindText, releasedText }

/** For whose mail a person is there: `example.org and domains below it, ann@example.net`, or ''. @param {Me | undefined} me */
export function careText({ domains = [], recipients = [] } = /** @type {Me} */ ({})) {
  const isBelow = (/** @type {string} */ domain) => domain.startsWith('.')
  const names = domains
    .filter((domain) => !isBelow(domain) || !domains.includes(domain.slice(1)))
    .map((domain) => {
      if (isBelow(domain)) return `domains below ${domain.slice(1)}`
      return domains.includes(`.${domain}`) ? `${domain} and domains below it` : domain
    })
  return [...names, ...recipients].join(', ')
}

/** What was found, beside its kind. @param {{ grounds: string, found: string | null }} message */
export const findingOf = (message) => visible(findingText(message))

/**
 * `Found in it: Win.Trojan.Agent-7412 (virus). Opening it may do harm.`, as a question has it.
 *
 * @param {{ grounds: string, found: string | null }} message
 */
export function warningText(message) {
  const kind = kindText(message.grounds).toLowerCase()
  const found = message.found === null ? kind : `${findingOf(message)} (${kind})`
  return `Found in it: ${found}. ${dangerText(message.grounds)}`.trimEnd()
}

/**
 * `Opening 3 of them may do harm.`, or '' if there is no danger.
 *
 * @param {readonly { grounds: string }[]} messages
 */
export function dangerOfMany(messages) {
  const [harmful = 0, unread = 0] = dangers.map(
    (danger) => messages.filter(({ grounds }) => dangerText(grounds) === danger).length,
  )
  const some = (/** @type {number} */ number, /** @type {string} */ all) =>
    number === messages.length ? all : `${number.toLocaleString('en')} of them`
  const inThem = unread === 1 ? 'it' : 'them'
  return [
    harmful && `Opening ${some(harmful, 'them')} may do harm.`,
    unread &&
      `${some(unread, 'They')} could not be scanned as a whole, so a virus may be in ${inThem}.`,
  ]
    .filter(Boolean)
    .join(' ')
}

/**
 * `1 message`, `1,200 messages`.
 *
 * @param {number} number
 * @param {string} noun
 */
export const count = (number, noun) =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`

/** `all 3 recipients`, `both recipients`. @param {number} number */
export const allRecipients = (number) => `${number === 2 ? 'both' : `all ${number}`} recipients`

/** Milliseconds after which the page shows what it is doing. */
export const SLOW = 1000

/** Lines of a question or an answer with one for each message or recipient. */
const LINES = 5

/**
 * The first of lines, and how many others there are: `and 34 more recipients`.
 *
 * @param {readonly string[]} lines
 * @param {string} noun
 */
export const firstLines = (lines, noun) =>
  lines.length <= LINES
    ? lines
    : [...lines.slice(0, LINES), `and ${count(lines.length - LINES, `more ${noun}`)}`]

const DAY = /** @type {const} */ ({ day: 'numeric', month: 'short', year: 'numeric' })
const clock = new Intl.DateTimeFormat('en-GB', {
  ...DAY,
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const calendar = new Intl.DateTimeFormat('en-GB', DAY)

/** `Sun 29 Nov 2026, 10:12`, in the time zone of the reader. @param {string} time */
export const timeText = (time) => clock.format(new Date(time)).replace(/^(\w+),/, '$1')

const hours = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

/** @param {string} time */
export const clockText = (time) => hours.format(new Date(time))

/** @param {string} time */
export const dayText = (time) => calendar.format(new Date(time))

/** `513 B`, in one line. @param {number} size */
export const sizeText = (size) => formatSize(size).replaceAll(' ', '\u00a0')

/** @type {Readonly<Record<Act['act'], string>>} */
export const acts = {
  released: 'Released',
  deleted: 'Deleted',
  allowed: 'Exception made',
  disallowed: 'Exception removed',
  downloaded: 'Saved as a file',
}

/**
 * What a request failed with: `answer` is what the mail server replied, about `recipient` if it is known, `deletedBy` the person who deleted the message, and `seconds` how long to wait.
 *
 * @typedef {{ code: ProblemCode, answer?: string | undefined, remaining?: number | undefined, recipient?: string | undefined, deletedBy?: string | undefined, deletedAt?: string | undefined, seconds?: number | undefined }} Failure
 */

/** @param {Failure} failure */
const remainingText = ({ remaining }) =>
  remaining ? ` ${count(remaining, 'recipient')} ${remaining === 1 ? 'remains' : 'remain'}.` : ''

/** What went wrong. @param {Failure} failure @param {number} [recipients] the number of those it was released to */
export function problemText(failure, recipients = 1) {
  const { code, answer, recipient, deletedBy, deletedAt, seconds } = failure
  if (code === 'too-many-attempts' && seconds)
    return `${problems[code].replace(/\..*/, '.')} Try again in ${count(seconds, 'second')}.`
  if (code === 'no-message' && deletedBy && deletedAt)
    return `The message is no longer in quarantine: ${visible(deletedBy)} deleted it on ${timeText(deletedAt)}.`
  const words = (problems[code] ?? problems.internal) + remainingText(failure)
  if (!answer) return words
  const reply = visible(answer)
  const isForGood = answer.startsWith('5')
  if (code === 'refused') {
    if (!isForGood) return `The mail server does not take the message now (${reply}), so no recipient got it. Try again in 15 minutes.` // biome-ignore format: a line
    if (!recipient)
      return `The mail server refuses the message (${reply}), so no recipient got it. ${ASK}`
    const then = recipients > 1 ? `Clear the box of ${visible(recipient)}, and release again.` : 'Check the address, and write the right one.' // biome-ignore format: a line
    return `${refusedText(recipient, answer)} ${then}`
  }
  const whom =
    recipient && isForGood ? ` about ${visible(recipient)}, whose box you should clear` : ''
  return `${words} The mail server replied${whom}: ${reply}`
}

/** Whether a problem shows that the person may do less than the page has buttons for. @param {ProblemCode} code */
export const isAboutRights = (code) => ['no-token', 'not-allowed', 'not-this-kind'].includes(code)

/** Whether a message may have been delivered, to some at least, and can be released again. @param {ProblemCode} code */
export const isUnfinished = (code) =>
  ['interrupted', 'maybe-sent', 'partly-released'].includes(code)

/** The same, of one among several messages, which is for this number of recipients. @param {Failure} failure @param {number} recipients */
export function problemOfMany(failure, recipients) {
  const { code, answer, recipient } = failure
  if (isUnfinished(code))
    return `${problems[code].replace(/\..*/, '.')}${remainingText(failure)} Open the message to release it again.`
  if (code === 'refused' && recipient && answer?.startsWith('5')) {
    const then = recipients > 1 ? `clear the box of ${visible(recipient)}, and release it` : 'release it to another address' // biome-ignore format: a line
    return `${refusedText(recipient, answer)} Open the message, ${then}.`
  }
  return problemText(failure)
}

/** @param {string} recipient @param {string} answer */
const refusedText = (recipient, answer) =>
  `The mail server refuses ${visible(recipient)} (${visible(answer)}), so no recipient got the message.`
