import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { frameRules, VARIABLES_MAX, VERSION } from '../../src/doors/slot-socket/request.ts'
import {
  BEYOND_TIME_LEFT,
  HEAD_WITHIN,
  SEND_WITHIN,
  SILENCE_MAX,
} from '../../src/doors/slot-socket/session.ts'

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
  const tables = { 'the frames of a request': frames(), 'the times of a conversation': times() }
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

function times(): string[] {
  const source = readFileSync(join(root, 'src/c/onescanc/server.c'), 'utf8')
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

const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`.replace('|  |', '| |')
const count = (number: number) => number.toLocaleString('en')
