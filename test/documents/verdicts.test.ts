import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { table as settings } from '../../src/ground/settings/table.ts'
import { MAIL_LINE_MAX } from '../../src/mail/message/content-fields.ts'
import {
  ENTERED_WITHIN,
  FIRST_PAUSE,
  LONGEST_PAUSE,
  LONGEST_REFUSED,
  LONGEST_SILENT,
  MISSES_MAX,
} from '../../src/protocol/valkey/lasting-connection.ts'
import { SETTLED_AFTER } from '../../src/scan/scanners/shared/signatures.ts'
import { FREE_MAX } from '../../src/scan/verdicts/copies/fingerprint.ts'
import { INFECTED_FOR } from '../../src/scan/verdicts/copies/fresh.ts'
import { COUNTED_FOR, DEATHS_MAX } from '../../src/scan/verdicts/poison.ts'
import { CLAIMED_FOR } from '../../src/scan/verdicts/store/shared-store.ts'
import { SHARE_OF_WAITING } from '../../src/scan/verdicts/verdicts.ts'
import { readPage } from './man-page.ts'

/** doc/cluster.md, and what onescand(8) says of verdicts, against the program. */

const page = readFileSync(join(import.meta.dirname, '../../doc/cluster.md'), 'utf8')
const daemon = readPage('onescand.8').replace(/\n(?:\.\w+ )?/g, ' ')

t.test('its numbers and names are those of the program', async (t) => {
  t.equal(FREE_MAX, 64 * 1024)
  t.match(daemon, 'under 64 KiB together')
  t.equal(MAIL_LINE_MAX, 998)
  t.match(daemon, 'lines of at most 998 bytes')
  t.equal(settings.VERDICTMAXAGE.default, 3600)
  t.match(page, '`VERDICTMAXAGE`, an hour')
  t.equal(INFECTED_FOR, 60)
  t.match(daemon, 'less than a minute old')
  t.equal(DEATHS_MAX, 3)
  t.equal(COUNTED_FOR, 3600 * 1000)
  t.match(daemon, 'three deaths, each within an hour of the one before')
  t.equal(SETTLED_AFTER, 15 * 60)
  t.match(page, 'or 15 minutes after the change')
  t.equal(CLAIMED_FOR, 2_000)
  t.match(daemon, 'waited for, up to 2 seconds or a quarter of SCANTIMEOUT')
  t.equal(SHARE_OF_WAITING, 0.25)
  t.equal(MISSES_MAX, 3)
  t.match(daemon, 'does not answer three questions in a row')
  t.equal(ENTERED_WITHIN, 1_500)
  t.match(daemon, 'the password, has 1.5 seconds')
  t.same([FIRST_PAUSE, LONGEST_PAUSE, LONGEST_REFUSED, LONGEST_SILENT], [200, 500, 10_000, 30_000])
  t.match(
    daemon,
    'after 0.2 seconds, and later each time: after at most 0.5 seconds if nobody answers, 10 if the server refuses, and 30 if',
  )
})
