import t from 'tap'
import {
  decodeRecord,
  encodeRecord,
  type QuarantineRecord,
  RECORD_MAX,
} from '../../../src/scan/quarantine/record.ts'

/** The record above a message in quarantine. */

const record: QuarantineRecord = {
  id: '1763708400.0123456789abcdef',
  time: '2026-11-21T07:00:00.000Z',
  host: 'mx.example.org',
  door: 'milter',
  grounds: 'virus',
  found: 'Test-Virus',
  sender: '\xfcser@example.net',
  recipients: ['b@example.org', 'line\nend@example.org', '"\\u000a\\n X-Onescan-Message"@x'],
  log: 'onescan: decision=quarantine reason="said \\"x\\""',
}

const sha256 = '0'.repeat(64)
const messages = [
  '',
  '\n',
  ' a line with a blank in front\n',
  '\tone with a tab\n',
  'Subject: x\n\nX-Onescan-Message: as it came, below this line\n',
  `X-Onescan-Message: sha256=${'0'.repeat(64)}; as it came, below this line\n`,
  'X-Onescan-Quarantine: {}\n',
]

t.test(
  'a record is read back with the message below it, byte for byte, on every split',
  async (t) => {
    for (const message of messages) {
      const file = Buffer.concat([encodeRecord(record), Buffer.from(message, 'latin1')])
      const length = file.length - message.length
      for (let at = 0; at < file.length; at++) {
        const found = decodeRecord(file.subarray(0, at))
        if (at < length) t.equal(found, undefined, `${at}`)
        else t.same(found, { record, sha256, messageAt: length })
      }
      t.same(decodeRecord(file), { record, sha256, messageAt: length }, JSON.stringify(message))
    }
  },
)

t.test('a record is a header that a mail program reads, in lines of under 998 bytes', async (t) => {
  const recipients = Array.from({ length: 1000 }, (_, i) => `somebody-${i}@example.org`)
  const text = encodeRecord({ ...record, recipients }).toString('latin1')
  const lines = text.split('\n')
  t.ok(lines.every((line) => line.length < 998 && /^[ -~]*$/.test(line)))
  t.ok(
    lines.slice(1, -2).every((line) => line.startsWith(' ')),
    'folded',
  )
  t.same(decodeRecord(Buffer.from(text))?.record.recipients, recipients)
})

t.test('a file that onescan did not write is no message in quarantine', async (t) => {
  const end = `X-Onescan-Message: sha256=${sha256}; as it came, below this line\n`
  const files: readonly (readonly [string, RegExp])[] = [
    ['Subject: x\n\n', /it has no record/],
    [`X-Onescan-Quarantine: {\n${end}`, /is no JSON/],
    [
      `X-Onescan-Quarantine: ${JSON.stringify(record)}\n${end.replace('0000', 'none')}`,
      /does not end as it should/,
    ],
    [`X-Onescan-Quarantine: null\n${end}`, /is not whole/],
    [`X-Onescan-Quarantine: {"id":"x"}\n${end}`, /is not whole/],
    [
      `X-Onescan-Quarantine: ${JSON.stringify({ ...record, recipients: [1] })}\n${end}`,
      /not whole/,
    ],
    [`X-Onescan-Quarantine: {"x":"\\"","recipients":[[]]}\n${end}`, /has lists in lists/],
    [`X-Onescan-Quarantine: {"x":"${'x'.repeat(RECORD_MAX)}`, /has more than 16777216 bytes/],
    [`X-Onescan-Quarantine: {"x":"${'x'.repeat(RECORD_MAX)}"}\n${end}`, /has more than/],
  ]
  for (const [file, message] of files) t.throws(() => decodeRecord(Buffer.from(file)), { message })
})

t.test('mail is not kept if its record could not be read again', async (t) => {
  const recipients = (count: number) => Array.from({ length: count }, () => 'somebody@example.org')
  const most = encodeRecord({ ...record, recipients: recipients(700_000) })
  t.equal(decodeRecord(most)?.record.recipients.length, 700_000)
  const message = /record in quarantine has more than 16777216 bytes/
  t.throws(() => encodeRecord({ ...record, recipients: recipients(800_000) }), { message })
})
