import fc from 'fast-check'
import t from 'tap'
import { carve } from '../../../../src/mail/mime/carver/carve.ts'
import { cutsIn } from '../../../../src/mail/mime/structure/cuts.ts'
import { depthOfMail } from '../../../../src/mail/mime/structure/leaf.ts'
import { evasions } from '../../../scanner/scan/scanners/evasions/all.ts'
import { messageOf } from '../../../scanner/scan/scanners/evasions/compose.ts'
import { byDigestAlone } from '../../../scanner/scan/scanners/evasions/digest-alone.ts'
import { testFile } from '../../../scanner/scan/scanners/evasions/files.ts'
import { doneUnlimited, sumOf } from '../unlimited-work.ts'
import { fateOf } from './fate.ts'

const latin1 = (mail: string) => Buffer.from(mail, 'latin1')

function cutsOf(mail: string): string[] {
  const { result } = doneUnlimited((work) => cutsIn(latin1(mail), work))
  return result.map(({ at, to, text }) => `${mail.slice(at, to)} as ${text}`)
}

/** Carves a mail, and counts the work. */
function carved(mail: string) {
  const { result, units } = doneUnlimited((work) => carve(latin1(mail), depthOfMail(), work))
  return { ...result, work: sumOf(units) }
}

const bodiesOf = (mail: string) => [
  ...new Set(carved(mail).leaves.map(({ from, to }) => mail.slice(from, to))),
]

t.test('a cut is a line that begins like a delimiter of anything', async (t) => {
  t.same(cutsOf('x\n--b\ny\n'), ['--b\n as --b'])
  t.same(cutsOf('--B c--\r\n'), ['--B c--\r\n as --B c'])
  t.same(cutsOf('a\r> --b--\rc'), ['> --b--\r as > --b--\r'])
  t.same(cutsOf('-\0-\0b'), ['-\0-\0b as -\0-\0b'])
  t.same(cutsOf('---\n-----\n'), ['---\n as ---', '-----\n as ---'])
  t.same(cutsOf('a bc--d\n- -b\n'), [])
})

t.test('a body begins below a header, and ends at a cut or at one like that above', async (t) => {
  const base64 = 'Content-Transfer-Encoding: base64\n\n'
  const mail = `A: b\n\n--b\n${base64}QUJD\n--:\nREVG\n--b--\nx\n`
  const bodies = bodiesOf(mail)
  t.ok(bodies.includes('QUJD\n'))
  t.ok(bodies.includes('QUJD\n--:\nREVG\n'))
  t.notOk(bodies.some((body) => body.includes('A: b')))
})

t.test('what a long body looks like does not depend on where it is divided', async (t) => {
  const likeOf = (body: string) =>
    carved(`A: b\nno field\n\n${body}`).leaves.flatMap(({ encodings, role }) =>
      role === 'guess' ? encodings : [],
    )
  const front = 'x y'.repeat(44_000).slice(0, 128 * 1024 - 4)
  const more = 'x y'.repeat(44_000)
  for (let filler = 0; filler < 8; filler++) {
    const above = `${front}${'x'.repeat(filler)}`
    for (const sign of ['=41', '=\n', '=  \r\n', `=${' '.repeat(60_000)}\n`])
      t.ok(likeOf(`${above}${sign}${more}`).includes('quoted-printable'), sign.slice(0, 9))
    t.same(likeOf(`${above}=4g= x${more}`), [])
    t.same(likeOf(`${above} QUJDREVG\n${more}`), [], 'base64 is at the beginning')
    const blanks = '\n'.repeat(128 * 1024 - 4 + filler)
    t.ok(likeOf(`${blanks}QUJDREVG\n${more}`).includes('base64'))
    t.same(likeOf(`${blanks}QUJDREVG x\n${more}`), [])
  }
})

t.test('the work is in proportion to the length', async (t) => {
  const shapes: Readonly<Record<string, (count: number) => string>> = {
    'lines of dashes': (count) => '--\n'.repeat(count),
    'a delimiter on each second line': (count) => 'x\n--b\n'.repeat(count),
    'heads without ends': (count) => '--b\nContent-Transfer-Encoding: base64\n'.repeat(count),
    'bodies in base64': (count) =>
      `A: b\n\n${'--b\nContent-Transfer-Encoding: base64\n\nQUJD\n'.repeat(count)}`,
    dashes: (count) => '-'.repeat(count),
    'dashes and NULs': (count) => '-\0'.repeat(count),
    'bare CRs': (count) => '\r--b'.repeat(count),
  }
  for (const [name, make] of Object.entries(shapes)) {
    const [once, twice] = [carved(make(8000)).work, carved(make(16_000)).work]
    t.ok(twice < 2.5 * once, `${name}: ${once}, ${twice}`)
  }
})

t.test('any bytes are carved without an error, and each range is in the mail', async (t) => {
  const pieces = [
    '--b',
    '\n',
    '\r\n',
    '\r',
    '\0',
    ' ',
    'A: b',
    'Content-Type: multipart/mixed',
    'x',
  ]
  const mail = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((all) => all.join(''))
  const property = fc.property(mail, (text) =>
    carved(text).leaves.every(({ from, to }) => 0 <= from && from < to && to <= text.length),
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }))
})

t.test('the parts of an encoded multipart are found, also in an attached message', async (t) => {
  const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64')
  const encoded = 'Content-Transfer-Encoding: base64\n'
  const parts = `--in\nContent-Type: application/x\n${encoded}\n${testFile.toString('base64')}\n--in--\n`
  const inner = `Subject: x\nContent-Type: multipart/mixed; boundary=in\n${encoded}\n${base64(parts)}`
  const outer = `Subject: y\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n${inner}\n--b--\n`
  for (const mail of [inner, outer]) t.equal(fateOf(latin1(mail)).file, 'found')
})

/** Files that clamd finds in the contents that it gets, or in the whole. */
const byClamd: readonly string[] = [
  'a zip in a zip',
  'HTML in 7bit with a line of over 999 bytes',
  'HTML in quoted-printable, written on one line of over 999 bytes',
  'a text known by its digest below a second header of the mail, at its end',
]

t.test(
  'the carver finds each hidden file, except those that only a digest identifies',
  async (t) => {
    const LENGTH_MAX = 100_000
    const lost: string[] = []
    for (const evasion of Object.values(evasions).flat()) {
      const message = messageOf(evasion, '\n')
      if (message.length > LENGTH_MAX) continue
      const { file, unread } = fateOf(message)
      if (file !== 'found' && unread === '') lost.push(evasion.name)
    }
    t.same(lost.filter((name) => !(name in byDigestAlone || byClamd.includes(name))).sort(), [])
  },
)
