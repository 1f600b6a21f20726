import t from 'tap'
import { HMAC_SECRET_MIN, parseKeyring } from '../../src/cluster/keyring.ts'
import { CANDIDATES_MAX, FUTURE_MAX } from '../../src/cluster/verify.ts'
import { replyText } from '../../src/doors/shared/replies/error-report.ts'
import { logLine } from '../../src/ground/errors/log.ts'
import { quarantineField } from '../../src/judge/quarantine-field.ts'
import { ENCODED_WORDS_MAX } from '../../src/message/encoded-words.ts'
import { readAddress } from '../../src/message/envelope/address.ts'
import { ADDRESS_MAX, ENVELOPE_MAX } from '../../src/message/envelope/envelope.ts'
import { HEADER_FIELDS_MAX, HEADER_MAX } from '../../src/message/header-block.ts'
import { SWEEP_AGE } from '../../src/message/sweep.ts'
import {
  BOUNDARIES_MAX,
  BOUNDARY_LENGTHS_MAX,
  BOUNDARY_MAX,
  BYTES_OF_CONTENT,
  CONTENTS_LEAST,
  CONTENTS_MAX,
  FIELDS_COUNT_MAX,
  FIELDS_MAX,
  GOING_ON_MAX,
  DEPTH_MAX as LOOK_DEPTH_MAX,
  PLACES_MAX as LOOK_PLACES_MAX,
  OPEN_MAX,
} from '../../src/mime/limits.ts'
import { MEMORY_MAX } from '../../src/mime/store.ts'
import { PORTS_MAX, SOCKETS_MAX } from '../../src/quota/ask/udp-sockets.ts'
import { NAME_MAX } from '../../src/scan/attachments/file-names.ts'
import { PARAMETERS_MAX } from '../../src/scan/attachments/part-names.ts'
import { COMES_BACK_WITHIN } from '../../src/scan/clamd/back-off.ts'
import { REPLY_MAX } from '../../src/scan/clamd/clamd-reply.ts'
import { DESCRIPTOR_MAX, SMALL_DESCRIPTOR_MAX } from '../../src/scan/clamd/descriptor-trial.ts'
import { CONVERSATIONS_MAX } from '../../src/scan/clamd/server-queue.ts'
import { readScanPolicy } from '../../src/scan/shared/scan-policy.ts'
import { relayLines } from '../../src/scan/shared/stderr-lines.ts'
import { columns, readPage, section } from './man-page.ts'

/** The tables of limits in manual pages against the program. */

const limitsOf = (page: string) => columns(section(readPage(page), 'LIMITS'))
const limits = limitsOf('onescan-queue.8')

const KIB = 1024
const MIB = 1024 * KIB

/** A row of a table as a number of bytes, seconds or things. */
function limit(what: string, table = limits): number {
  const [, digits, unit] = /^([\d,]+)(?: (\S+))?/.exec(table.get(what) ?? '') ?? []
  const scale = { KiB: KIB, MiB: MIB, hours: 3600 }[unit ?? ''] ?? 1
  return Number(digits?.replaceAll(',', '')) * scale
}

t.test('limits and defaults are the constants of the program', async (t) => {
  const scan = readScanPolicy({ QHPSI: 'x' }, { qmailHome: '/', control: '/' })!
  const pages: Record<string, Record<string, number>> = {
    'onescan-queue.8': {
      'address in the envelope': ADDRESS_MAX,
      envelope: ENVELOPE_MAX,
      'header block': HEADER_MAX,
      'fields of a header': HEADER_FIELDS_MAX,
      'secret of an hmac-sha256 key': HMAC_SECRET_MIN,
      'stamps of known keys that are computed': CANDIDATES_MAX,
      'clock of another host ahead': FUTURE_MAX,
      'contents of a message': CONTENTS_LEAST,
      'encoded mails in one another': LOOK_DEPTH_MAX,
      'places where something may begin or end': LOOK_PLACES_MAX,
      'contents that have begun and not ended': OPEN_MAX,
      'fields about content of a header': FIELDS_COUNT_MAX,
      'encoded words of a header': ENCODED_WORDS_MAX,
      'fields of headers that delimiters stand in': GOING_ON_MAX,
      boundary: BOUNDARY_MAX,
      'boundaries of a message': BOUNDARIES_MAX,
      'different lengths of boundaries': BOUNDARY_LENGTHS_MAX,
      'memory for contents': MEMORY_MAX,
      'parameters of a field, for attachments': PARAMETERS_MAX,
      'file name, for attachments': NAME_MAX,
      'age at which a left spool file is swept': SWEEP_AGE / 1000,
    },
    'onescan-clamav.7': {
      'message for ClamAV, default': scan.clam.maxSize,
      'content for clamd in memory, by onescand': DESCRIPTOR_MAX,
      'the same before clamd has found a virus in a large one': SMALL_DESCRIPTOR_MAX,
      'server that refuses connections, tried again for': COMES_BACK_WITHIN.refused / 1000,
      'server that says nothing by TCP, tried again for': COMES_BACK_WITHIN.silent / 1000,
      'reply of clamd': REPLY_MAX,
    },
  }
  t.match(
    limits.get('contents of a message'),
    `each ${BYTES_OF_CONTENT} bytes, at most ${CONTENTS_MAX.toLocaleString('en')}`,
  )
  t.match(limits.get('fields about content of a header'), `of ${FIELDS_MAX / MIB} MiB`)
  for (const [page, constants] of Object.entries(pages)) {
    const limits = limitsOf(page)
    for (const [what, value] of Object.entries(constants))
      t.equal(limit(what, limits), value, `${page}: ${what}`)
  }
})

t.test('a reply is cut at its limit', async (t) => {
  const reply = { class: 5, enhanced: '5.7.1', text: 'x'.repeat(999), grounds: 'virus' } as const
  t.equal(replyText(reply).length, limit('reply text'))
})

t.test('a log line and its values are cut at their limits', async (t) => {
  const many = Array.from({ length: 5000 }, (_, i) => ['k', i % 10] as const)
  t.ok(logLine(many).length <= limit('log line'))
  t.ok(logLine(many).length > limit('log line') - 10)
  const value = 'x'.repeat(999)
  const longest = 'x'.repeat(limit('value in a log line'))
  t.equal(logLine([['k', value]]).toString(), `onescan: k=${longest}...\n`)
  t.equal(logLine([['k', longest]]).toString(), `onescan: k=${longest}\n`)
})

t.test('X-Quarantine-ID ends before its limit', async (t) => {
  const recipients = Array.from({ length: 5000 }, () => readAddress('somebody@example.org'))
  const { value } = quarantineField(readAddress('virus@example.org'), recipients)
  const [listed = ''] = value.split(',\n +')
  t.ok(listed.length <= limit('X-Quarantine-ID'))
  t.ok(listed.length > limit('X-Quarantine-ID') - 50)
  t.match(value, / \+\d+ more$/)
})

t.test('the output of a scanner is shown up to its limit', async (t) => {
  let shown = 0
  const relay = relayLines('', (line) => {
    shown += line.length
  })
  const line = Buffer.from(`${'x'.repeat(511)}\n`)
  for (let i = 0; i < 1000; i++) relay.push(line)
  t.ok(Math.abs(shown - limit('standard error of a scanner in the log')) < 2 * KIB, `${shown}`)
})

t.test('a secret is as long as the page says', async (t) => {
  const least = limit('secret of an hmac-sha256 key')
  const line = (length: number) =>
    `hmac-sha256:a:${Buffer.alloc(length, 1).toString('base64url')}\n`
  t.equal(parseKeyring(line(least), 'ring').length, 1)
  t.throws(() => parseKeyring(line(least - 1), 'ring'), { message: /under 32 bytes/ })
})

t.test('onescand(8) says how many messages are at one clamd', async (t) => {
  const [, most] =
    /A worker has at most (\d+) messages at one clamd/.exec(readPage('onescand.8')) ?? []
  t.equal(Number(most), CONVERSATIONS_MAX)
})

t.test('the page says how many sockets and ports questions about mailboxes take', async (t) => {
  const page = section(readPage('onescan-queue.8'), 'QUOTA SERVICES')
  t.match(page, `with at most ${SOCKETS_MAX} sockets in each process`)
  t.match(page, `If ${PORTS_MAX.toLocaleString('en')} ports of a process rest`)
})
