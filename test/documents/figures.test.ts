import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { settingTable as settings } from '../../src/base/settings/table.ts'
import { FREE_MAX, MAIL_LINE_MAX } from '../../src/mail/message/content-fields.ts'
import { HEADER_FIELDS_MAX, HEADER_MAX } from '../../src/mail/message/header-block.ts'
import { limits } from '../../src/mail/mime/budget/limits.ts'
import { THREADS } from '../../src/quota/sources/mailbox-reads.ts'
import { HUNG_AFTER } from '../../src/scanner/daemon/workers/hung-workers.ts'
import { milterTimeouts } from '../../src/scanner/doors/milter/milter-services.ts'
import { smtpTimeouts } from '../../src/scanner/doors/smtp/client/smtp-connection.ts'
import { defaultNextServerTimeouts } from '../../src/scanner/doors/smtp/next-server/next-server.ts'
import { DECISIONS_KEPT } from '../../src/scanner/observe/live/history.ts'
import { DEATHS_MAX } from '../../src/scanner/scan/crash-guard/poison.ts'
import { RETRY_TIMEOUTS } from '../../src/scanner/scan/scanners/clamd/fail-over.ts'
import { IDLE_MAX } from '../../src/scanner/scan/scanners/clamd/session-pool.ts'
import { PERMITS } from '../../src/scanner/scan/scanners/permits/scan-permits.ts'
import { SETTLED_AFTER_SECONDS } from '../../src/scanner/scan/scanners/signatures/signature-files.ts'
import { unboundFieldsInWords } from '../../src/scanner/scan/stamps/bound-fields.ts'
import { HMAC_SECRET_MIN, KEYRING_MAX } from '../../src/scanner/scan/stamps/keyring.ts'
import { FUTURE_MAX_SECONDS } from '../../src/scanner/scan/stamps/verify-stamps.ts'
import { acceptedCodes } from '../../tools/documents/slot-protocol.ts'
import { figure } from '../../tools/documents/source-files.ts'
import { STAMP_FORMAT } from '../../tools/documents/stamp-format.ts'
import { textInC } from '../c/built-in-c.ts'
import { hiddenClasses } from '../scanner/scan/scanners/second-look/classes.ts'
import { readPage } from './man-page.ts'

/** Figures in pages that stand in no table of limits, against the program. */

const KIB = 1024
const HOUR = 3_600_000
const MIB = 1024 * KIB
const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')
/** A page in one line, without the macros that part its words. */
const words = (page: string) => readPage(page).replace(/\n(?:\.\w+ )?/g, ' ')
const daemon = words('onescand.8')
const interfaces = words('onescan-interfaces.7')
const rules = read('doc/development/second-look.md').replace(/\s+/g, ' ')

t.test('the figures about what a worker asks of clamd are those of the program', async (t) => {
  const turns = `at most ${PERMITS.large} of ${figure('LARGE_FROM') / MIB} MiB or more, and ${PERMITS.small} smaller ones`
  t.match(readPage('onescan-clamav.7'), turns)
  const { away, silent } = RETRY_TIMEOUTS
  t.match(
    readPage('onescan-clamav.7'),
    `is retried for ${away / 1000} seconds.\nOne that is silent over TCP is retried for ${silent / 1000}.`,
  )
  t.match(
    daemon,
    `hangs for ${HUNG_AFTER / 1000} to ${figure('SILENT_FOR', 'scanner/daemon/workers/hung-workers.ts') / 1000} seconds`,
  )
})

const withCommas = (number: number) => number.toLocaleString('en')

t.test(
  'the figures about what onescan(1) reads, counts and shows are those of the program',
  async (t) => {
    const page = words('onescan.1')
    t.match(page, `lines of more than ${figure('READ_LINE_MAX') / KIB} KiB, are ignored`)
    t.match(page, `a line of more than ${figure('LINE_END_WITHIN') / MIB} MiB`)
    t.match(page, `its first ${figure('BYTES_SHOWN') / KIB} KiB`)
    t.match(
      page,
      `of up to ${withCommas(figure('NAMES_MAX', 'scanner/observe/report/tally.ts'))} different names`,
    )
    t.equal(figure('TOP'), 20)
    t.match(page, 'the twenty most frequent names')
  },
)

t.test(
  'the figures about how long onescand(8) waits and what it keeps are those of the program',
  async (t) => {
    const page = daemon
    t.match(interfaces, `the last ${DECISIONS_KEPT} decisions`)
    t.match(
      interfaces,
      `a successful self-test within the last ${figure('SELF_TEST_COUNTS_FOR') / 1000} seconds`,
    )
    t.match(page, `keeps up to ${IDLE_MAX} connections to each clamd address`)
    t.match(
      page,
      `for ${figure('IDLE_FOR') / 1000} to ${(2 * figure('IDLE_FOR')) / 1000} seconds after`,
    )
    t.match(page, `wait for their turn, for ${figure('PERMIT_TIMEOUT') / 1000} seconds at most`)
    t.match(page, `a token of ${figure('TOKEN_MIN')} or more printable characters`)
    t.match(
      interfaces,
      `sends the MTA a progress message every ${milterTimeouts.progressAfter / 1000} seconds`,
    )
    const { silence, command, content } = smtpTimeouts
    t.same([silence, command, content], [300_000, 300_000, 3_600_000])
    t.match(interfaces, 'A client has 300 seconds for a command line and 3,600 for the content')
    const next = defaultNextServerTimeouts
    t.match(
      interfaces,
      `has ${next.connection / 1000} seconds to be connected, ${next.command / 1000} to answer a command, ${next.data / 1000} for DATA and ${next.end / 1000} for the content`,
    )
  },
)

t.test(
  'the figures about how long onescan-quotad(8) waits and what it believes are those of the program',
  async (t) => {
    const page = words('onescan-quotad.8')
    t.match(read('packaging/shipped/systemd/onescan-quotad.service'), `\n# ${THREADS} threads`)
    t.ok(figure('READS_MAX', 'quota/sources/mailbox-reads.ts') < THREADS)
    t.match(page, `is ${figure('OVER_QUOTA_FOR') / 60_000} minutes old`)
    t.match(page, `${withCommas(figure('MAILDIRSIZE_MAX'))} bytes or more`)
    t.match(page, `more than ${figure('MAILBOX_NAME_MAX')} bytes`)
    t.match(page, `cached for ${figure('REMEMBERED_FOR') / 1000} seconds`)
  },
)

t.test("the codes and times of onescanc(8) are those of the client's source", async (t) => {
  const page = words('onescanc.8')
  const client = textInC(join(import.meta.dirname, '../../src/c/onescanc'))
  const seconds = (name: string) =>
    Number(new RegExp(`\\b${name} = (\\d+)`).exec(client)?.[1]) / 1000
  t.match(
    page,
    `one of the codes ${acceptedCodes()
      .join(', ')
      .replace(/, (\d+)$/, ' and $1')}.`,
  )
  t.match(page, `cannot connect within ${seconds('CONNECT_MAX')} seconds`)
  t.match(page, `neither reads nor sends anything for ${seconds('SILENCE_MAX')} seconds`)
  t.match(page, `more than ${seconds('LONGER_THAN_SCANNERS')} seconds after the end of SCANTIMEOUT`)
})

t.test('the figures about stamps, keyrings and sweeps are those of the program', async (t) => {
  const stamps = words('onescan-stamp.7')
  t.match(stamps, `base64url of ${HMAC_SECRET_MIN} bytes or more`)
  t.match(stamps, `a regular file of at most ${KEYRING_MAX / KIB} KiB`)
  t.match(stamps, `the first ${figure('CANDIDATES_MAX')} hmac-sha256 stamps`)
  t.match(stamps, `more than ${FUTURE_MAX_SECONDS} seconds in the future`)
  t.match(stamps, `no more than ${FREE_MAX / KIB} KiB together`)
  t.match(stamps, `no line of more than ${MAIL_LINE_MAX} bytes`)
  t.match(stamps, `its scan began ${SETTLED_AFTER_SECONDS} seconds after`)
  t.match(stamps, `in transit: ${Object.keys(unboundFieldsInWords).join(' , ')} .`)
  const format = read(STAMP_FORMAT)
  t.match(format, `the first ${figure('CANDIDATES_MAX')} hmac-sha256 stamps`)
  t.match(format, `at most ${HEADER_MAX / MIB} MiB and ${withCommas(HEADER_FIELDS_MAX)} fields`)
  const slot = words('onescan-queue.8')
  t.match(slot, `removes those older than ${figure('SWEEP_AGE') / HOUR} hours`)
})

t.test('the limits of the standalone talk of smtp-delay(8) are those of the program', async (t) => {
  const limits = `${figure('TALK_SECONDS')} seconds, ${figure('COMMANDS_MAX')} commands or ${figure('INPUT_MAX') / KIB} KiB`
  t.match(words('smtp-delay.8'), limits)
})

t.test(
  'the figures about what the gate of smtp-delay(8) counts are those of the program',
  async (t) => {
    const page = words('smtp-delay.8')
    t.same([figure('SEGMENTS_IN_MIN'), figure('SEGMENTS_OUT_MIN')], [3, 4])
    t.match(page, `${figure('BYTES_MIN')} bytes in three segments, and received four segments`)
    t.match(
      page,
      `${figure('PROGRAM_IDLE_MAX') / 1000} seconds, divided by the number of its connections`,
    )
    t.match(page, `sent less than ${figure('PROGRESS') / KIB} KiB`)
    const remembered = figure('REMEMBERED_MAX', 'delay/gate/remembered-clients.ts')
    t.match(
      page,
      `remembers the last ${withCommas(remembered / 2)} to ${withCommas(remembered)} clients`,
    )
    t.match(page, `and ${figure('SPARE_DESCRIPTORS')} more.`)
  },
)

t.test('the figures about verdicts and signatures are those of the program', async (t) => {
  const cluster = read('doc/cluster.md')
  t.equal(settings.VERDICTMAXAGE.default, 3600)
  t.match(cluster, '`VERDICTMAXAGE`, an hour')
  t.equal(DEATHS_MAX, 3)
  t.equal(figure('COUNTED_FOR'), 3600 * 1000)
  t.match(daemon, 'crashes scanners three times, at most an hour apart')
  t.equal(SETTLED_AFTER_SECONDS, 15 * 60)
  t.match(cluster, 'For 15 minutes after new signatures arrive')
  t.equal(figure('CLAIMED_FOR'), 2_000)
  t.match(daemon, 'on another host for up to 2 seconds or a quarter of SCANTIMEOUT')
  t.equal(figure('SHARE_OF_WAITING'), 0.25)
  t.match(daemon, `connects again within ${figure('LONGEST_SILENT') / 1000} seconds`)
})

t.test(
  'the rules of the second look state how many classes of mail hide a file, and what clamd finds',
  async (t) => {
    const seen = hiddenClasses.filter(({ seenByClamd }) => seenByClamd !== undefined)
    t.match(rules, `the ${hiddenClasses.length} classes of mail that hide a file`)
    t.match(rules, `alone finds the file in ${seen.length}, `)
  },
)

t.test('the limits of the second look on its page are those of the program', async (t) => {
  const page = read('doc/second-look.md')
  t.match(page, `messages or multiparts nested more than ${limits.nesting} deep`)
  const others = read('doc/development/limits.md')
  t.match(others, `A file above ${figure('LINE_ENDS_MAX') / MIB} MiB that is sent in 8 bits`)
})

t.test('the oldest Node of the pages is that of package.json', async (t) => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
  const oldest = engines.node.replace('>=', '')
  for (const page of ['doc/install.md', 'doc/development/release.md']) {
    const named = [...read(page).matchAll(/Node (\d+\.\d+)[\s\S]{1,3}or[\s\S]{1,3}later/g)]
    t.ok(named.length > 0, page)
    t.same([...new Set(named.map(([, version]) => version))], [oldest], page)
  }
})
