import t from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { limits } from '../../../src/mail/mime/budget/limits.ts'
import { ClamdScanner } from '../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { attached, base64, file, isNested, message } from '../../mail/mime/nested-mail.ts'
import { createRandom } from '../../run/random.ts'
import { clamdSettings, sample, scanTask } from '../../scanner/scan/scanners/clamd/task.ts'
import { clamdMissing, startClamd } from '../servers/clamd.ts'

/** Messages made from a fixed seed. */
const MESSAGES = 1500
const SEED = 20_261_120

/**
 * Mail of many levels with lines that readers disagree about. Mail that clamd calls too deep must
 * be too deep here. Text with an encoding line in it is left out, since only clamd opens it: it takes
 * that for a bounce and scans it as a file of its own. Its own answer refuses such mail.
 */
t.test('mail that clamd calls too deep is refused', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const scanner = new ClamdScanner(clamdSettings(clamd.socket), { isLasting: true })
  t.teardown(() => scanner.close())
  let deep = 0
  for (let number = 0; number < MESSAGES; number++) {
    const bytes = generate(SEED + number)
    if (HAS_BOUNCE.test(bytes.toString('latin1'))) continue
    const verdict = await scanner.scan(sample(bytes), scanTask().task)
    if (verdict.answer !== 'unread' || verdict.kind !== 'depth') continue
    deep++
    if (!isNested(Bytes.of(bytes), limits.nesting))
      t.fail(`seed ${SEED + number}: clamd gives up, and it was let through`)
  }
  t.ok(deep > MESSAGES / 20, `${deep} of ${MESSAGES} are too deep for clamd`)
})

/** A text that goes on with an encoding line. */
const HAS_BOUNCE = /Content-Type: text\/plain\n\nhello\n.*Content-Transfer-Encoding/s

function generate(seed: number): Buffer {
  const dice = createRandom(seed)
  const chance = (share: number) => dice.below(1000) < 1000 * share
  const levels = 20 + dice.below(30)
  const multiparts = dice.pick([1, 1, 0.97, 0.9, 0.5])
  const oddHeaders = dice.pick([0, 0.1, 0.5])
  const oddLines = dice.pick([0, 0.05, 0.2])
  const known = Array.from({ length: 8 }, (_, n) => `b${n}`)
  let part = file(EICAR)
  for (let level = 0; level < levels; level++) {
    const junk = () => (chance(oddLines) ? dice.pick(lines(dice.pick(known))) : '')
    if (!chance(multiparts)) {
      const type = dice.pick(['rfc822', 'rfc822', 'global', 'partial'])
      part = chance(0.7)
        ? attached(part, `message/${type}`)
        : `Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${base64(`Subject: s\n${part}`)}`
      continue
    }
    const boundary = dice.pick(names(dice.pick(known), level))
    known.push(boundary)
    const plain = `Content-Type: multipart/mixed; boundary="${boundary}"\n`
    const header = chance(oddHeaders) ? dice.pick(headers(boundary)) : plain
    const end = chance(0.7) ? `--${boundary}--\n` : ''
    part = `${junk()}${header}${junk()}\n${junk()}--${boundary}\n${junk()}${part}\n${junk()}${end}${junk()}`
  }
  return message(part)
}

const names = (other: string, level: number) => [
  `q${level}`,
  `b${level}`,
  `B${level}`,
  `${other}${level}`,
  `${other}--${level}`,
  `=_a b${level}`,
]

const headers = (boundary: string) => [
  `CONTENT-TYPE: Multipart/alternative; charset=x; BOUNDARY="${boundary}"; y=z\n`,
  `Content-Type: multipart/mixed;\n\tx=y;\n\tboundary=${boundary};\n`,
  `Content-Type: multipart/mixed; boundary = ${boundary}\n`,
  `Content-Type: multipart/mixed; boundary==?us-ascii?Q?${boundary}?=\n`,
  `Content-Type: multi(x)part/mixed; bound(y)ary=${boundary}\n`,
  `Content-Type: multipart/mixed; boundary*0=${boundary}\n`,
  `Content-Type: mixed; boundary=${boundary}\n`,
  `Content(x)-Type: multipart/mixed; boundary=${boundary}\n`,
  `Content-Type : multipart/mixed; boundary=${boundary}\n`,
  `Content-Type: multipart/mixed; boundary="${boundary}\n`,
  `Content-Type: multipart/mixed; boundary=zz; boundary=${boundary}\n`,
  `Content-Type: multipart/mixed; boundary=zz\nContent-Type: multipart/x; boundary=${boundary}\n`,
  `Content-Type: multipart/digest; boundary="${boundary}"\n`,
]

const lines = (boundary: string) => [
  `--${boundary}\n`,
  `--${boundary}--\n`,
  `--${boundary} \n`,
  `--${boundary}x\n`,
  `--${boundary.toUpperCase()}\n`,
  `--${boundary}\r\n`,
  `--${boundary}\n\n`,
  `--${boundary}\nContent-Type: text/plain\n\nhello\n`,
  '\n',
  ' \n',
  '\r\n',
  'X: y\n',
  'text\n',
  '-- \n',
  'Content-Type: text/plain\n',
  'Content-Type: message/rfc822\n',
  'Content-Disposition: inline;\n',
  'Content-Disposition: x; a="\n',
  'filename=x\n',
  ' boundary=zz;\n',
  'Subject: (\n',
  'From me Mon\n',
]
