import t from 'tap'
import { COMMAND_MAX, PACKET_MAX } from '../../src/doors/milter/connection.ts'
import { CONNECTIONS_MAX } from '../../src/doors/milter/door.ts'
import { defaultTimeouts } from '../../src/doors/milter/time-limits.ts'
import { MACROS_MAX } from '../../src/doors/milter/wire/macros.ts'
import { IN_MEMORY_MAX } from '../../src/doors/shared/intake/gathering.ts'
import { PATHS_MAX } from '../../src/doors/shared/intake/recipient-list.ts'
import { TURN_WITHIN } from '../../src/doors/shared/limits/turn.ts'
import { HEADER_MAX } from '../../src/message/header-block.ts'
import { columns, readPage, section } from './man-page.ts'

/** The limits that onescand(8) names in MILTER against the program. */

const page = section(readPage('onescand.8'), 'MILTER')
const limits = columns(page)

function limit(what: string): number {
  const [, digits, unit] = /^([\d,]+) (\S+?)\b/.exec(limits.get(what) ?? '') ?? []
  const scale = { KiB: 1024, MiB: 1024 * 1024, seconds: 1000, MTAs: 1 }[unit ?? ''] ?? Number.NaN
  return Number(digits?.replaceAll(',', '')) * scale
}

t.test('they are the constants of the program', async (t) => {
  const constants: Record<string, number> = {
    'message in memory': IN_MEMORY_MAX,
    'turn to be judged': TURN_WITHIN,
    'header block': HEADER_MAX,
    'packet of the protocol': PACKET_MAX,
    'packet of any other kind than header field or body': COMMAND_MAX - 1,
    'macros before a command': MACROS_MAX,
    'time to negotiate': defaultTimeouts.negotiation,
    'paths of all recipients together': PATHS_MAX,
    'connections of one process': CONNECTIONS_MAX,
    'silence within a packet or the content': defaultTimeouts.stalled,
    'silence otherwise': defaultTimeouts.idle,
  }
  for (const [what, value] of Object.entries(constants)) t.equal(limit(what), value, what)
  const [, seconds] = /tells the MTA every (\d+) seconds/.exec(page) ?? []
  t.equal(Number(seconds) * 1000, defaultTimeouts.progressAfter)
})
