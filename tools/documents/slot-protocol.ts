import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HEADER_MAX } from '../../src/mail/message/header-block.ts'
import { frameRules } from '../../src/scanner/doors/slot/socket/request.ts'
import { slotTimeouts } from '../../src/scanner/doors/slot/socket/slot-options.ts'
import {
  answerFields,
  DESCRIBE,
  fieldType,
  frameType,
  PROTOCOL_VERSION,
} from '../../src/scanner/protocol/slot/slot-frames.ts'
import { readMarkdown, withRows } from '../../test/documents/markdown-page.ts'
import { answerCodes } from './c-tables.ts'
import { figure } from './source-files.ts'

const root = join(import.meta.dirname, '../..')

/** The page about the protocol of the slot's socket, with the tables that both sides of a conversation know. */
export const SLOT_PROTOCOL = 'doc/development/slot-protocol.md'

/** A frame, field or time, and its description on the page. */
type Entry = readonly [name: string, text: string]

/** The page with its tables as the code has them. */
export function slotProtocolPage(): string {
  const tables: readonly (readonly [heading: string, rows: readonly Entry[]])[] = [
    ['## Question', asCode(questionFrames())],
    ['## Answer', asCode(answerFrames)],
    ['### Accept', asCode(fieldRows('accept'))],
    ['### End', asCode(fieldRows('exit'))],
    ['## Time', times()],
  ]
  return tables.reduce(
    (page, [heading, rows]) => withRows(page, heading, rows),
    readMarkdown(SLOT_PROTOCOL),
  )
}

const asCode = (entries: readonly Entry[]): Entry[] =>
  entries.map(([type, text]) => [`\`${type}\``, text])

const payloads: Readonly<Record<string, string>> = {
  [frameType.version]: `The version, the bytes \`${PROTOCOL_VERSION}\`.`,
  [frameType.variable]: "One variable of the client's environment, `NAME=VALUE`.",
  [frameType.takesReply]: '1 if the descriptor of `ERROR_FD` can take a reply, else 0.',
  [frameType.timeLeft]: 'Milliseconds that are left for scanning.',
  [frameType.envelope]: 'The envelope, as on descriptor 1, through its last NUL.',
  [frameType.size]: 'Size of the message in bytes.',
  [frameType.message]: 'The next bytes of the message.',
  [frameType.end]: 'The end.',
}

/** The frames of a question. */
function questionFrames(): Entry[] {
  return Object.entries(frameRules).map(([type, { limit, isExact, repeats }]) => {
    const most =
      type === frameType.variable
        ? ` each, in up to ${figure('VARIABLES_MAX')} frames`
        : ' each, in any number of frames'
    const size = isExact ? bytes(limit) : `Up to ${bytes(limit)}`
    return [type, `${payloads[type]} ${size}${repeats ? most : ''}.`]
  })
}

/** The frames of an answer. */
const answerFrames: readonly Entry[] = [
  [frameType.acknowledged, 'The question, through S, was read and is being worked on.'],
  [frameType.working, 'Still working.'],
  [
    frameType.standalone,
    `Start the standalone program: the reason for the client's log, without a line end. Up to ${bytes(figure('STANDALONE_LINE_MAX'))}.`,
  ],
  [frameType.accept, `Accept the message. Up to ${bytes(figure('ANSWER_MAX'))}.`],
  [frameType.exit, `End with an exit code. Up to ${bytes(figure('ANSWER_MAX'))}.`],
  [DESCRIBE, `Only to the question \`${DESCRIBE}\`. Up to ${bytes(figure('DESCRIPTION_MAX'))}.`],
]

/** The fields of an answer: the one that comes first, others in any order, the end. */
function fieldRows(answer: keyof typeof answerFields): Entry[] {
  return [...answerFields[answer], fieldType.end].map((type) => {
    const isAgain = answer === 'exit' && type === fieldType.logLine
    return [type, isAgain ? 'As above.' : fields()[type]]
  })
}

type Field = (typeof fieldType)[keyof typeof fieldType]

const fields = (): Readonly<Record<Field, string>> => ({
  [fieldType.bodyOffset]: `Offset in the message where its body begins, at most ${bytes(HEADER_MAX)}: the rest is passed on unchanged. This is the first field, of 8 bytes.`,
  [fieldType.kept]:
    'Copy these bytes of the header block: their offset and their number, of 4 bytes each, in any number of fields.',
  [fieldType.inserted]: `Insert these bytes, in any number of fields. The new block is at most ${bytes(figure('NEW_FIELDS_MAX'))} longer than B.`,
  [fieldType.envelope]: 'Another envelope, complete as on descriptor 1. At most one.',
  [fieldType.logLine]: `A line for the log with its line end, in printable ASCII. Up to ${bytes(figure('LOG_LINE_MAX'))} each, in any number of fields.`,
  [fieldType.exitCode]: `The exit code: ${acceptedCodes().join(', ')}. This is the first field, of 1 byte.`,
  [fieldType.reply]: `Text for the error descriptor: D or Z, then printable ASCII. 3 to ${figure('REPORT_MAX')} bytes, at most one.`,
  [fieldType.end]: 'The end, without a payload.',
})

/** The exit codes that the client takes in an answer. */
export const acceptedCodes = (): number[] => [0, ...Object.values(answerCodes)]

/** The times of a conversation. */
function times(): Entry[] {
  const client = (name: string, file = 'server.c') => {
    const [, value] = new RegExp(`\\b${name} = (\\d+)`).exec(clientSource(file)) ?? []
    return Number(value)
  }
  const daemon = slotTimeouts
  const silence = seconds(client('SILENCE_MAX'))
  return [
    ['client: connect', seconds(client('CONNECT_MAX'))],
    ['client: a daemon that reads and sends nothing', silence],
    ['client: the whole conversation', `D + ${seconds(client('LONGER_THAN_SCANNERS'))}`],
    [
      'client: left of D, to ask once more',
      `at least ${seconds(client('BEGIN_ANEW_FROM', 'conversation.c'))}`,
    ],
    ['daemon: the question through S', seconds(daemon.head)],
    ['daemon: a client that falls silent during M', seconds(daemon.silence)],
    ['daemon: all M', `D + ${seconds(daemon.beyondTimeLeft)}, at most ${seconds(daemon.sending)}`],
  ]
}

function clientSource(name: string): string {
  return readFileSync(join(root, 'src/c/onescanc', name), 'utf8')
}

function bytes(number: number): string {
  if (number >= 1024 * 1024) return `${number / 1024 / 1024} MiB`
  if (number >= 1024) return `${number / 1024} KiB`
  if (number === 0) return 'No payload'
  return number === 1 ? '1 byte' : `${number} bytes`
}

const seconds = (milliseconds: number): string => `${milliseconds / 1000} seconds`
