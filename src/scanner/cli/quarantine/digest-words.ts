import { attempt, Fault } from '../../../base/errors/fault.ts'
import { dangers, dangerText, kindsInWords, kindText } from '../../scan/replies/found-in-words.ts'

/** The words of a digest. */
export interface DigestWords {
  readonly subject: string
  /** The text around the messages: {host}, {site}, {postmaster}, {count}, {entries}, {kinds} and {messages} are replaced. A line is a paragraph, as wide as it needs. */
  readonly body: string
  /** The language of both, a tag of BCP 47; undefined: not known. */
  readonly language: string | undefined
  /** What the list has in place of English phrases and words of kinds. */
  readonly phrases: ReadonlyMap<string, string>
}

/** The language of all that a site does not write itself. */
const ENGLISH = 'en-GB'

/** What a list has about messages, beside what was found in them. */
const PHRASES = [
  ...['of', 'message', 'messages', 'in {number} entries', 'part', '(no subject)', '(no sender)'],
  ...['From', 'Sent by', 'To', 'and', 'more', 'Found', 'Attached', 'Kept', 'Deleted on'],
  ...['First', 'Last', 'State', 'released', 'Number', 'Ask for message'],
  'write to {postmaster}, with this subject',
  'Show all with this finding',
  'Please deliver',
  'For the help desk',
  'I expect this message because',
  'no sender',
  'a release was interrupted, and it may have been delivered',
  'Mail with no sender is a report about other mail, or looks like one.',
  'Another {count} will be in the next report.',
  '{count} cannot be read. onescan quarantine list shows why.',
  '{count} cannot be read. Inform your mail administrator.',
  '{count} in quarantine now.',
  '{count} to be deleted within 7 days.',
  'Those above are deleted on {days}.',
  'We write [.] for a dot in addresses and file names, so that none of them can be clicked.',
] as const
type Phrase = (typeof PHRASES)[number]

/** All that a site may translate. */
export const TRANSLATED: readonly string[] = [
  ...PHRASES,
  ...kindsInWords.map(([, words]) => words),
  ...dangers,
]

/** How a list with these words has phrases, kinds and numbers of messages, and its language. */
export function speakerOf({ phrases, language }: DigestWords) {
  const say = (phrase: Phrase) => phrases.get(phrase) ?? phrase
  return {
    say,
    language: (phrases.has('From') && language) || ENGLISH,
    kind: (grounds: string) => phrases.get(kindText(grounds)) ?? kindText(grounds),
    danger: (grounds: string) => phrases.get(dangerText(grounds)) ?? dangerText(grounds),
    messages: (count: number) => `${count} ${say(count === 1 ? 'message' : 'messages')}`,
  }
}

/** Returns the default words, for the postmaster or for a recipient. `page` is that of the quarantine. */
export function defaultWords(isForRecipient: boolean, page: string | undefined): DigestWords {
  return wordsOf(isForRecipient ? forRecipient : forPostmaster(page))
}

/** Returns the words of a digest for the postmaster without any message. */
export const wordsOfNothing = (page: string | undefined): DigestWords =>
  wordsOf([
    'Nothing new in quarantine on {host}',
    'Since the last report, {host} kept no message.',
    ...linkTo(page),
    '',
    '{messages}',
  ])

const wordsOf = ([subject, ...lines]: readonly [string, ...string[]]): DigestWords => ({
  subject,
  body: lines.join('\n'),
  language: ENGLISH,
  phrases: new Map(),
})

const linkTo = (page: string | undefined) =>
  page === undefined ? [] : [`All messages in quarantine: ${page}`]

const forRecipient = [
  'Held back for you: {count}',
  'The mail server of {site} held back {count} addressed to you: it found a virus, a forbidden file, or something that it could not check.',
  '',
  'If you do not expect a message, do nothing: it is deleted on the day that its entry states.',
  '',
  'If you need one:',
  '- Use "Ask for message" below it, or write to {postmaster}, with its Number.',
  '- Write why you expect the message.',
  '- Send your mail. The help desk then looks at the message, and can deliver it.',
  '',
  'A message may do harm: ask only for mail that you expect.',
  '',
  '{messages}',
] as const

const forPostmaster = (page: string | undefined) =>
  [
    'New in quarantine on {host}: {count}',
    'Since the last report, {host} kept {count} {entries} ({kinds}). No recipient has received any, unless its entry has a "State".',
    ...linkTo(page),
    '',
    ...(page === undefined
      ? [
          'You need not do anything: the messages are deleted later. If a recipient needs one:',
          ...['show', 'release', 'delete'].map((act) => `- onescan quarantine ${act} NUMBER`),
        ]
      : [
          'You need not do anything: the messages are deleted later. If a recipient needs one, ask whether it was expected, open it, look at it, and release it.',
        ]),
    '',
    '{messages}',
  ] as const

/**
 * Reads the words of a site: lines with a name and a text, an empty line, and the text with {messages} in it.
 * Throws a Fault for anything else.
 */
export function parseWords(text: string, file: string): DigestWords {
  const lines = text.replaceAll('\r\n', '\n').trimEnd().split('\n')
  const end = lines.indexOf('')
  const body = lines.slice(end + 1).join('\n')
  const fault = (what: string) => new Fault('config', `--text ${file}: ${what}`)
  const fields = new Map(
    lines.slice(0, Math.max(end, 0)).map((line) => {
      const at = line.indexOf(': ')
      const name = line.slice(0, at)
      if (['Subject', 'Language', ...TRANSLATED].includes(name))
        return [name, line.slice(at + 2).trim()]
      throw fault(`${line}: must be a name and a text, such as "From: Von"`)
    }),
  )
  const [subject, language] = [fields.get('Subject'), fields.get('Language')]
  if (!subject || body.split('{messages}').length !== 2)
    throw fault('must begin with lines such as "Subject: ...", and have {messages} once below an empty line') // biome-ignore format: a line
  if (language !== undefined && attempt(() => Intl.getCanonicalLocales(language)) === undefined)
    throw fault(`Language: ${language}: must be a tag such as de or pt-BR`)
  return { subject, body, language, phrases: fields }
}
