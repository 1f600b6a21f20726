import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPORT_MAX } from '../../src/doors/shared/replies/error-report.ts'
import { ANSWER_MAX, COLD_LINE_MAX } from '../../src/doors/slot-socket/carry-out.ts'
import { frameRules, TELL, VARIABLES_MAX, VERSION } from '../../src/doors/slot-socket/request.ts'
import {
  BEYOND_TIME_LEFT,
  HEAD_WITHIN,
  SEND_WITHIN,
  SILENCE_MAX,
} from '../../src/doors/slot-socket/session.ts'
import { TOLD_MAX } from '../../src/doors/slot-socket/tell.ts'
import { LINE_MAX } from '../../src/ground/errors/log.ts'

/** The tables of doc/design.md about the slot socket that the code knows. */

const root = join(import.meta.dirname, '../..')

/** The page that has them. */
export const DESIGN = 'doc/design.md'

const payloads: Readonly<Record<string, string>> = {
  '1': `the version, the four bytes \`${VERSION}\``,
  V: 'one variable of its environment, `NAME=VALUE`',
  R: 'one byte: 1 if the descriptor of ERROR_FD can take a reply, else 0',
  D: 'milliseconds that are left for scanning (4 bytes)',
  E: 'the envelope as on fd 1, through its last NUL',
  S: 'size of the message in bytes (8 bytes)',
  M: 'the next bytes of the message',
  '.': 'nothing',
}

/** The page with its generated tables, each between its mark and the next empty line. */
export function designPage(): string {
  const page = readFileSync(join(root, DESIGN), 'utf8')
  const tables = {
    'the frames of a request': frames(),
    'the frames of an answer': answerFrames(),
    'the fields of accept': answerFields('a'),
    'the fields of an end': answerFields('x'),
    'the times of a conversation': times(),
  }
  return Object.entries(tables).reduce((made, [name, lines]) => {
    const mark = `<!-- npm run docs: ${name} -->\n`
    const start = made.indexOf(mark) + mark.length
    if (start < mark.length) throw new Error(`${DESIGN} has no ${mark}`)
    const end = made.indexOf('\n\n', start - 1)
    return `${made.slice(0, start)}${lines.join('\n')}${made.slice(end)}`
  }, page)
}

function frames(): string[] {
  const rows = Object.entries(frameRules).map(([type, { limit, repeats, optional }]) => {
    const most = type === 'V' ? `up to ${VARIABLES_MAX}` : 'any number'
    return row(`\`${type}\``, payloads[type]!, bytes(limit), repeats && optional ? most : '1')
  })
  return [row('type', 'payload', 'limit', 'times'), '| --- | --- | --- | --- |', ...rows]
}

function answerFrames(): string[] {
  const rows = [
    row('`A`', "nothing: the request's head (through `S`) was read and is being worked on", '0'),
    row('`h`', 'nothing: still working', '0'),
    row(
      '`C`',
      'text for the log, without a line end: why the client must go cold',
      bytes(COLD_LINE_MAX),
    ),
    row('`a`', 'accept, see below', bytes(ANSWER_MAX)),
    row('`x`', 'end with an exit code, see below', bytes(ANSWER_MAX)),
    row(`\`${TELL}\``, `only to the question \`${TELL}\`: JSON, see below`, bytes(TOLD_MAX)),
  ]
  return [row('type', 'payload', 'limit'), '| --- | --- | --- |', ...rows]
}

/** What the client takes in an answer: the field that comes first, others in any order, the end. */
function answerFields(kind: 'a' | 'x'): string[] {
  const types = (name: string) => {
    const [, accept, ending] = new RegExp(`\\b${name} = kind == 'a' \\? (.*) : (.*);`).exec(
      clientSource('answer.c'),
    )!
    return [...(kind === 'a' ? accept! : ending!).replaceAll(/["']/g, '')]
  }
  const rows = [...types('first_type'), ...types('other_types'), '.'].map((type) => {
    const [payload, times] = answerPayloads[kind === 'x' && type === 'l' ? 'l again' : type]!
    return row(`\`${type}\``, payload, times)
  })
  return [row('field', 'payload', 'times'), '| --- | --- | --- |', ...rows]
}

const answerPayloads: Readonly<Record<string, readonly [payload: string, times: string]>> = {
  B: [
    'offset in the message where its body begins: what follows is handed on unchanged (8 bytes)',
    '1, first',
  ],
  k: ['offset and length (4 bytes each): copy these bytes of the original header block', 'any'],
  i: ['insert these bytes', 'any'],
  e: ['other envelope, complete as on fd 1', '0 or 1'],
  l: [`a log line with its line end, at most ${count(LINE_MAX)} bytes`, 'any'],
  c: ['the exit code (1 byte)', '1, first'],
  t: [
    `text for the error descriptor: \`D\` or \`Z\`, then printable ASCII, 3 to ${count(REPORT_MAX)} bytes in all`,
    '0 or 1',
  ],
  'l again': ['as above', 'any'],
  '.': ['end', '1'],
}

function clientSource(name: string): string {
  return readFileSync(join(root, 'src/c/onescanc', name), 'utf8')
}

function times(): string[] {
  const source = clientSource('server.c')
  const client = (name: string) => {
    const [, value] = new RegExp(`\\b${name} = (\\d+)`).exec(source) ?? []
    return count(Number(value))
  }
  const silence = client('SILENCE_MAX')
  return [
    row('', 'milliseconds'),
    '| --- | --- |',
    row('client: connect', client('CONNECT_MAX')),
    row('client: a daemon that reads nothing while the client sends', silence),
    row('client: silence of the daemon, once all is sent', silence),
    row('client: the whole conversation', `\`D\` + ${client('LONGER_THAN_SCANNERS')}`),
    row('daemon: the head of a client in all', count(HEAD_WITHIN)),
    row('daemon: silence of a client that is still sending', count(SILENCE_MAX)),
    row(
      'daemon: a client that is still sending, from its head on',
      `\`D\` + ${count(BEYOND_TIME_LEFT)}, at most ${count(SEND_WITHIN)}`,
    ),
  ]
}

function bytes(number: number): string {
  if (number >= 1024 * 1024) return `${number / 1024 / 1024} MiB`
  return number >= 1024 ? `${number / 1024} KiB` : String(number)
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`.replace('|  |', '| |')
}

function count(number: number): string {
  return number.toLocaleString('en')
}
