import t from 'tap'
import { loadSystem } from '../../../../src/base/runtime/system.ts'
import { readScanningConfig } from '../../../../src/scanner/scan/judge/context/judge-config.ts'
import { ClamdScanner } from '../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { readScanSettings } from '../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import type { Sample, ScannerCall } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import type { ScanResult } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { BASE64, base64, delimited, part, QUOTED } from '../scanners/evasions/compose.ts'
import { judgeMail, ringIn } from './judge-mail.ts'

/**
 * What a message of 4 KB costs, in counts that are the same on every machine, however busy. A change that makes
 * one of them less may put the lower number here; the commit of one that makes it more states the reason.
 */

const header = [
  'Return-Path: <ann@example.org>',
  ...Array.from(
    { length: 4 },
    (_, n) => `Received: from a${n}.example.org\n\tby b.example.org; today`,
  ),
  'DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x;\n\th=From:To:Subject; bh=YQ==; b=YWJj',
  'From: =?utf-8?Q?Ann_M=C3=BCller?= <ann@example.org>',
  'To: bob@example.org',
  'Subject: =?utf-8?B?w4RuZGVydW5nZW4gYW0gVmVydHJhZw==?=',
  'Message-ID: <1@example.org>',
  `X-Report: ${Array.from({ length: 12 }, () => `=?utf-8?B?${'YWJj'.repeat(12)}?=`).join('\n\t')}`,
  ...Array.from({ length: 20 }, (_, n) => `X-Trait-${n}: ${'v'.repeat(n)}`),
  'MIME-Version: 1.0',
]

const prose = (length: number) => 'The minutes of our meeting follow below.\n'.repeat(length / 41)

const mails = {
  text: part([...header, 'Content-Type: text/plain; charset=us-ascii'], prose(2000)),
  parts: part(
    [...header, 'Content-Type: multipart/mixed; boundary=b1'],
    delimited([
      part(['Content-Type: text/plain; charset=utf-8'], prose(500)),
      part(
        ['Content-Type: text/html; charset=utf-8', QUOTED],
        `<p>${'The minutes of our meeting =C3=A4 follow=\n'.repeat(12)}</p>\n`,
      ),
      part(
        ['Content-Type: image/png; name=a.png', BASE64],
        base64(Buffer.alloc(900, '\x89PNG\r\n\x1a\n\0\x01\x02', 'latin1')),
      ),
    ]),
  ),
}

/** What is made of bytes while work is done: strings, and bytes that are copied. */
async function countMade(work: () => Promise<unknown>) {
  const { from, concat } = Buffer
  const { toString: stringOf, copy } = Buffer.prototype
  let strings = 0
  let copied = 0
  const noting = (bytes: Buffer) => {
    copied += bytes.length
    return bytes
  }
  const made = {
    from: (...words: Parameters<typeof from>) => noting(from.apply(Buffer, words)),
    concat: (...words: Parameters<typeof concat>) => noting(concat.apply(Buffer, words)),
  }
  function countedString(this: Buffer, ...words: Parameters<typeof stringOf>) {
    strings++
    return stringOf.apply(this, words)
  }
  function countedCopy(this: Buffer, ...words: Parameters<typeof copy>) {
    const length = copy.apply(this, words)
    copied += length
    return length
  }
  Object.assign(Buffer, made)
  Object.assign(Buffer.prototype, { toString: countedString, copy: countedCopy })
  try {
    await work()
  } finally {
    Object.assign(Buffer, { from, concat })
    Object.assign(Buffer.prototype, { toString: stringOf, copy })
  }
  return { strings, copied }
}

/** A scanner that counts what it is asked. */
class CountedClamd extends ClamdScanner {
  readonly asked = { calls: 0, questions: 0 }
  override scanTogether(samples: readonly Sample[], task: ScannerCall): Promise<ScanResult> {
    this.asked.calls++
    this.asked.questions += samples.length
    return super.scanTogether(samples, task)
  }
}

/**
 * `questions` are contents that a scanner is asked about, in so many `calls`. A message in memory is copied
 * once, below the line for scanners, to be read as one buffer.
 */
const table = [
  { mail: 'text', look: 'never', questions: 1, calls: 1, strings: 10, copied: 21_800 },
  { mail: 'text', look: 'always', questions: 1, calls: 1, strings: 11, copied: 21_800 },
  { mail: 'parts', look: 'never', questions: 1, calls: 1, strings: 24, copied: 24_600 },
  { mail: 'parts', look: 'always', questions: 3, calls: 1, strings: 40, copied: 29_600 },
] as const

t.test('a small message costs few questions and copies', { skip: clamdMissing }, async (t) => {
  const { socket } = await startClamd(t)
  const CLUSTERKEYS = ringIn(t)
  for (const { mail, look, ...most } of table) {
    const settings = { CLAMD: socket, CLUSTERKEYS, SECONDLOOK: look, QHPSI: 'plugin: clamd' }
    const clamd = new CountedClamd(readScanSettings(settings, { qmailHome: '', control: '' })!, {
      isLasting: true,
      passing: loadSystem(),
    })
    t.teardown(() => clamd.close())
    const config = readScanningConfig(settings)! // read once by a service, too
    const judged = () => judgeMail(mails[mail], { config, scanners: [clamd] })
    await judged() // what is loaded and asked once
    const before = { ...clamd.asked }
    const { strings, copied } = await countMade(judged)
    const what = `${mail}, ${look}`
    t.equal(clamd.asked.questions - before.questions, most.questions, what)
    t.equal(clamd.asked.calls - before.calls, most.calls, what)
    t.ok(strings > 0 && strings <= most.strings, `${what}: ${strings} strings`)
    t.ok(copied > 0 && copied <= most.copied, `${what}: ${copied} bytes copied`)
  }
})
