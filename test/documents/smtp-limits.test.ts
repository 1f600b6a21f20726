import t from 'tap'
import { IN_MEMORY_MAX } from '../../src/doors/shared/intake/gathering.ts'
import { PATHS_MAX } from '../../src/doors/shared/intake/recipient-list.ts'
import { UNENDED_MAX } from '../../src/doors/smtp/client.ts'
import { defaultNextServerTimeouts } from '../../src/doors/smtp/next-server.ts'
import { EHLO_COUNTS_FOR } from '../../src/doors/smtp/server.ts'
import { defaultTimeouts } from '../../src/doors/smtp/time-limits.ts'
import { COMMAND_MAX } from '../../src/doors/smtp/wire/commands.ts'
import { REPLY_LINE_MAX, REPLY_MAX } from '../../src/doors/smtp/wire/replies.ts'
import { HEADER_MAX } from '../../src/message/header-block.ts'
import { columns, readPage, section } from './man-page.ts'

/** The limits that onescand(8) names in SMTP against the program. */

const page = section(readPage('onescand.8'), 'SMTP')
const limits = columns(page)

function limit(what: string): number {
  const [, digits, unit] = /^([\d,]+) (\S+?)\b/.exec(limits.get(what) ?? '') ?? []
  const scale = { KiB: 1024, MiB: 1024 * 1024, seconds: 1000, bytes: 1 }[unit ?? ''] ?? Number.NaN
  return Number(digits?.replaceAll(',', '')) * scale
}

t.test('they are the constants of the program', async (t) => {
  const constants: Record<string, number> = {
    'command line': COMMAND_MAX,
    'message in memory': IN_MEMORY_MAX,
    'header block': HEADER_MAX,
    'paths of all recipients together': PATHS_MAX,
    'silence of a client': defaultTimeouts.silence,
    'time for a command line': defaultTimeouts.command,
    'time for the content': defaultTimeouts.content,
    'line of a reply': REPLY_LINE_MAX,
    'whole reply': REPLY_MAX,
    'connecting to the next server': defaultNextServerTimeouts.connection,
    'its answer to a command': defaultNextServerTimeouts.command,
    'its answer to DATA': defaultNextServerTimeouts.data,
    'a block of content': defaultNextServerTimeouts.block,
    'its answer to the content': defaultNextServerTimeouts.end,
  }
  for (const [what, value] of Object.entries(constants)) t.equal(limit(what), value, what)
  const [, unended] = /closed at (\d+) KiB/.exec(limits.get('command line') ?? '') ?? []
  t.equal(Number(unended) * 1024, UNENDED_MAX)
  const [, remembered] = /remembered for (\d+) seconds/.exec(page) ?? []
  t.equal(Number(remembered) * 1000, EHLO_COUNTS_FOR)
  const [, silent] = /if that is more than (\d+) seconds/.exec(page) ?? []
  t.equal(Number(silent) * 1000, defaultTimeouts.makesRoomAfter)
})
