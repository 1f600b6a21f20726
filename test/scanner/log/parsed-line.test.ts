import t from 'tap'
import { fieldsIn, parseLogLine } from '../../../src/scanner/log/parsed-line.ts'
import { tai64n } from './lines.ts'

const newest = Date.parse('2026-11-20T18:00:00Z')

/** Reads the time, host and fields of a line; undefined if onescan did not write it. */
function read(line: string) {
  const record = parseLogLine(line, newest)
  return (
    record && {
      time: Number.isNaN(record.time) ? undefined : new Date(record.time).toISOString(),
      host: record.host,
      fields: Object.fromEntries(record.fields),
    }
  )
}

const here = (text: string) => new Date(text).toISOString()
const utc = '2026-11-20T17:26:25.500Z'
const seconds = Date.parse(utc) / 1000

const forms: readonly [name: string, line: string, time: string | undefined, host: string][] = [
  ['plain', 'onescan: a=b', undefined, ''],
  ['LOGFILE', 'onescan: a=b time=2026-11-20T17:26:25.500Z', utc, ''],
  ['multilog', `${tai64n(seconds)} onescan: a=b`, utc, ''],
  ['tai64nlocal', '2026-11-20 17:26:25.500000000 onescan: a=b', here('2026-11-20T17:26:25.500'), ''],
  ['a container', '2026-11-20T17:26:25.500000000Z onescan: a=b', utc, ''],
  ['syslog', 'Nov 20 17:26:25 mx1 onescan[12]: a=b', here('2026-11-20T17:26:25'), 'mx1'],
  ['syslog of a day before the 10th', 'Nov  3 07:26:25 mx1 onescan[12]: a=b', here('2026-11-03T07:26:25'), 'mx1'],
  ["syslog of the year before", 'Dec 24 17:26:25 mx1 onescan[12]: a=b', here('2025-12-24T17:26:25'), 'mx1'],
  ['RFC 5424 times', '2026-11-20T18:26:25.500+01:00 mx1 onescand[7]: onescan: a=b', utc, 'mx1'],
  ['journalctl -o short-iso', '2026-11-20T18:26:25+0100 mx1 onescan[7]: a=b', '2026-11-20T17:26:25.000Z', 'mx1'],
  ['journalctl -o short-iso-precise', '2026-11-20T18:26:25.500000+0100 mx1 onescand[7]: onescan: a=b', utc, 'mx1'],
] // biome-ignore format: a form a line

for (const [name, line, time, host] of forms) {
  t.test(`the time and host of a line of ${name} are parsed`, async (t) => {
    t.same(read(line), { time, host, fields: { a: 'b' } })
  })
}

t.test('a text of a client is never taken for the time of a line', async (t) => {
  for (const rest of [
    'a="x time=2026-11-20T17:26:25.500Z"',
    'a=b time=2026-11-20T17:26:25.500Z more=1',
    'atime=2026-11-20T17:26:25.500Z',
    'a=time=2026-11-20T17:26:25.500Z',
    'a=b time=xxxx-xx-20T17:26:25.500Z',
  ]) {
    t.equal(read(`onescan: ${rest}`)?.time, undefined, rest)
  }
  // The journal's own time counts: a LOGFILE that somebody reads into it has both.
  const both = `${tai64n(seconds)} onescan: a=b time=2026-01-01T00:00:00.000Z`
  t.equal(read(both)?.time, utc)
})

t.test("our text in the middle of another program's line is not read", async (t) => {
  for (const line of [
    'Nov 20 17:26:25 mx1 sshd[1]: Invalid user onescan: decision=accept',
    'Nov 20 17:26:25 mx1 sshd[1]: onescan[1]: decision=accept',
    `${tai64n(seconds)} qmail-smtpd: onescan: decision=accept`,
    `${tai64n(seconds)} qmail-smtpd: onescan: onescan: decision=accept`,
    'Nov 20 17:26:25 mx1 other[12]: decision=accept',
    'Nov 20 17:26:25 mx1 onescanner[12]: decision=accept',
    'mail from onescan: decision=accept',
    ' onescan: decision=accept',
    '{"MESSAGE": "onescan: a=b"}',
    '',
    '@4000',
    '\0\xff\xfe binary',
    '2026-11-20',
    '9'.repeat(40),
  ]) {
    t.equal(read(line), undefined, line)
  }
})

t.test('the fields of a line are 64 at most, and no words between them', async (t) => {
  t.same(
    [...fieldsIn('a=1 word b="x \\" y" c= d="cut')],
    [
      { key: 'a', value: '1', isQuoted: false },
      { key: 'b', value: 'x \\" y', isQuoted: true },
      { key: 'c', value: '', isQuoted: false },
    ],
  )
  t.equal([...fieldsIn('a=1 '.repeat(100))].length, 64)
})

t.test('no bytes make the reader throw', async (t) => {
  const line = forms.map(([, text]) => text).join(' ')
  for (let at = 0; at < line.length; at++) {
    for (const byte of ['\0', '\r', ' ', '"', ':', '[', '\xff']) {
      read(line.slice(0, at) + byte + line.slice(at + 1))
      read(line.slice(at) + byte)
    }
  }
  t.pass()
})

t.test('a line of 64 KB of one character, or of a pair, is read in linear time', async (t) => {
  for (const text of ['a', ' ', '=', '"', '\\', ':', 'a=', '" ', 'a="', ': ', '@4', 'a b=']) {
    const steps = text.repeat(64 * 1024)
    for (const head of ['', 'onescan: ', 'Nov 20 17:26:25 ', 'Nov 20 17:26:25 mx1 ']) {
      parseLogLine(head + steps, newest)
    }
  }
  t.pass()
})
