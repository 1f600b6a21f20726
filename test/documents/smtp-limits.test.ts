import t from 'tap'
import { HELD_MAX } from '../../src/doors/shared/intake/gathering.ts'
import { PATHS_MAX } from '../../src/doors/shared/intake/recipient-list.ts'
import { UNENDED_MAX } from '../../src/doors/smtp/client.ts'
import { standardNextServerTimeouts } from '../../src/doors/smtp/next-server.ts'
import { EHLO_COUNTS_FOR } from '../../src/doors/smtp/server.ts'
import { standardTimeouts } from '../../src/doors/smtp/time-limits.ts'
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
    'message in memory': HELD_MAX,
    'header block': HEADER_MAX,
    'paths of all recipients together': PATHS_MAX,
    'silence of a client': standardTimeouts.silence,
    'time for a command line': standardTimeouts.command,
    'time for the content': standardTimeouts.content,
    'line of a reply': REPLY_LINE_MAX,
    'whole reply': REPLY_MAX,
    'connecting to the next server': standardNextServerTimeouts.connection,
    'its answer to a command': standardNextServerTimeouts.command,
    'its answer to DATA': standardNextServerTimeouts.data,
    'a block of content': standardNextServerTimeouts.block,
    'its answer to the content': standardNextServerTimeouts.end,
  }
  for (const [what, value] of Object.entries(constants)) t.equal(limit(what), value, what)
  const [, unended] = /closed at (\d+) KiB/.exec(limits.get('command line') ?? '') ?? []
  t.equal(Number(unended) * 1024, UNENDED_MAX)
  const [, remembered] = /remembered for (\d+) seconds/.exec(page) ?? []
  t.equal(Number(remembered) * 1000, EHLO_COUNTS_FOR)
  const [, silent] = /if that is more than (\d+) seconds/.exec(page) ?? []
  t.equal(Number(silent) * 1000, standardTimeouts.makesRoomAfter)
})
