import t from 'tap'
import { createLineHeadReader, newLineHead } from '../../../src/observe/log/line-head.ts'
import { tai64n } from './lines.ts'

const newest = Date.parse('2026-11-20T18:00:00Z')

/** Reads the time, host and rest of a line; undefined if onescan did not write it. */
function read(line: string, now = newest) {
  const head = newLineHead()
  const bytes = Buffer.from(`${line}\n`, 'latin1')
  if (!createLineHeadReader(now)(bytes, 0, bytes.length, head)) return undefined
  return {
    time: Number.isNaN(head.time) ? undefined : new Date(head.time).toISOString(),
    host: head.host,
    rest: head.bytes.toString('latin1', head.at, head.end),
  }
}

const here = (text: string) => new Date(text).toISOString()
const utc = '2026-11-20T17:26:25.500Z'
const seconds = Date.parse(utc) / 1000

const forms: readonly [name: string, line: string, time: string | undefined, host: string][] = [
  ['plain', 'onescan: a=b', undefined, ''],
  ['LOGFILE', 'onescan: a=b time=2026-11-20T17:26:25.500Z', utc, ''],
  ['multilog', `${tai64n(seconds)} onescan: a=b`, utc, ''],
  ['tai64nlocal', '2026-11-20 17:26:25.500000000 onescan: a=b', here('2026-11-20T17:26:25.500'), ''],
  ['svlogd -tt', '2026-11-20_17:26:25.50000 onescan: a=b', utc, ''],
  ['a container', '2026-11-20T17:26:25.500000000Z onescan: a=b', utc, ''],
  ['syslog', 'Nov 20 17:26:25 mx1 onescan[12]: a=b', here('2026-11-20T17:26:25'), 'mx1'],
  ['syslog of a day before the 10th', 'Nov  3 07:26:25 mx1 onescan[12]: a=b', here('2026-11-03T07:26:25'), 'mx1'],
  ["syslog of the year before", 'Dec 24 17:26:25 mx1 onescan[12]: a=b', here('2025-12-24T17:26:25'), 'mx1'],
  ['RFC 5424 times', '2026-11-20T18:26:25.500+01:00 mx1 onescand[7]: onescan: a=b', utc, 'mx1'],
  ['journalctl -o short-iso', '2026-11-20T18:26:25+0100 mx1 onescan[7]: a=b', '2026-11-20T17:26:25.000Z', 'mx1'],
  ['journalctl -o short-full', 'Fri 2026-11-20 17:26:25 UTC mx1 onescand[7]: onescan: a=b', '2026-11-20T17:26:25.000Z', 'mx1'],
  ['journalctl -o short-unix', `${seconds.toFixed(6)} mx1 onescand[7]: onescan: a=b`, utc, 'mx1'],
  ['journalctl -o json', JSON.stringify({ __REALTIME_TIMESTAMP: `${seconds * 1e6}`, _HOSTNAME: 'mx1', SYSLOG_IDENTIFIER: 'onescand', MESSAGE: 'onescan: a=b' }), utc, 'mx1'],
  ['journalctl -o json, from syslog', JSON.stringify({ __REALTIME_TIMESTAMP: `${seconds * 1e6}`, _HOSTNAME: 'mx1', SYSLOG_IDENTIFIER: 'onescan', MESSAGE: [...Buffer.from('a=b')] }), utc, 'mx1'],
] // biome-ignore format: a form a line

for (const [name, line, time, host] of forms) {
  t.test(`a line of ${name} says when and where it was written`, async (t) => {
    t.same(read(line), { time, host, rest: 'a=b' })
  })
}

t.test('a text of a client is never taken for the time of a line', async (t) => {
  for (const rest of [
    'a="x time=2026-11-20T17:26:25.500Z"',
    'a=b time=2026-11-20T17:26:25.500Z more=1',
    'atime=2026-11-20T17:26:25.500Z',
    'a=time=2026-11-20T17:26:25.500Z',
  ]) {
    t.same(read(`onescan: ${rest}`), { time: undefined, host: '', rest }, rest)
  }
  const nonsense = 'onescan: a=b time=xxxx-xx-20T17:26:25.500Z'
  t.equal(read(nonsense)?.time, undefined, nonsense)
  // The journal's own time counts: a LOGFILE that somebody reads into it has both.
  const both = `${tai64n(seconds)} onescan: a=b time=2026-01-01T00:00:00.000Z`
  t.equal(read(both)?.time, utc)
})

t.test("our text in the middle of another program's line is not read", async (t) => {
  for (const line of [
    'Nov 20 17:26:25 mx1 sshd[1]: Invalid user onescan: decision=accept',
    `${tai64n(seconds)} qmail-smtpd: onescan: decision=accept and more`,
    'Nov 20 17:26:25 mx1 other[12]: decision=accept',
    'mail from onescan: decision=accept',
    ' onescan: decision=accept',
    '{"MESSAGE": "x onescan: a=b"}',
    '{"MESSAGE": 3}',
    '{ "MESSAGE": "onescan: a=b"',
    '',
    '@4000',
    '\0\xff\xfe binary',
    '2026-11-20',
    '9'.repeat(40),
  ]) {
    const isOurs = read(line)
    // qmail-smtpd's own word is read as a host and its program: the text itself must still begin there.
    if (line.includes('qmail-smtpd')) t.not(isOurs?.rest, 'decision=accept', line)
    else t.equal(isOurs, undefined, line)
  }
})

t.test('no bytes make the reader throw or read past the line', async (t) => {
  const line = Buffer.from(forms.map(([, text]) => text).join('\n'), 'latin1')
  const reader = createLineHeadReader(newest)
  const head = newLineHead()
  for (let at = 0; at < line.length; at++) {
    for (const byte of [0, 10, 0x20, 0x22, 0x3a, 0x5b, 0xff]) {
      const changed = Buffer.from(line)
      changed[at] = byte
      const end = changed.indexOf(10) + 1
      if (reader(changed, 0, end, head)) t.ok(head.at <= line.length)
    }
  }
})
