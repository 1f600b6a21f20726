import t from 'tap'
import {
  announcedSize,
  bareAddress,
  plainAddress,
} from '../../../../src/scanner/protocol/smtp/smtp-syntax.ts'

/** What MAIL and RCPT name: RFC 5321 4.1.2. */

t.test('an address may have angle brackets or not', async (t) => {
  for (const [path, address] of [
    ['<a@b.example>', 'a@b.example'],
    ['a@b.example', 'a@b.example'],
    ['<>', ''],
    ['<a@b', '<a@b'],
    ['a@b>', 'a@b>'],
    ['', ''],
  ] as const) {
    t.equal(String(bareAddress(Buffer.from(path))), address)
  }
  t.equal(plainAddress('ipv6:::1'), '::1')
  t.equal(plainAddress('192.0.2.1'), '192.0.2.1')
})

t.test('the size that a client announces is a number of at most 15 digits', async (t) => {
  for (const [parameters, size] of [
    [['BODY=8BITMIME', 'size=77'], 77],
    [[`SIZE=${'9'.repeat(15)}`], 999_999_999_999_999],
    [[`SIZE=${'9'.repeat(16)}`], undefined],
    [['XSIZE=1', 'SIZE=1x', 'SIZE='], undefined],
    [[], undefined],
  ] as const) {
    t.equal(announcedSize(parameters.map((text) => Buffer.from(text))), size)
  }
})
