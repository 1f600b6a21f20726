import fc from 'fast-check'
import t from 'tap'
import { carve } from '../../../../src/mail/mime/carver/carve.ts'
import { cutsIn } from '../../../../src/mail/mime/carver/cuts.ts'
import { aroundMail } from '../../../../src/mail/mime/reader/depth.ts'
import { evasions } from '../../../scan/scanners/evasions/all.ts'
import { messageOf } from '../../../scan/scanners/evasions/compose.ts'
import { fateOf } from './fate.ts'

/** The carver, which does not read scanned mail yet: it is compared with the reader that does. */

const latin1 = (mail: string) => Buffer.from(mail, 'latin1')

function cutsOf(mail: string): string[] {
  const found = [...cutsIn(latin1(mail))].filter((cut) => typeof cut !== 'number')
  return found.map(({ at, to, like }) => `${mail.slice(at, to)} like ${like}`)
}

/** Carves a mail, and counts the work. */
function carved(mail: string) {
  const steps = carve(latin1(mail), aroundMail())
  let work = 0
  let step = steps.next()
  for (; !step.done; step = steps.next()) work += step.value
  return { ...step.value, work }
}

const bodiesOf = (mail: string) => [
  ...new Set(carved(mail).leaves.map(({ from, to }) => mail.slice(from, to))),
]

t.test('a cut is a line that begins like a delimiter of anything', async (t) => {
  t.same(cutsOf('x\n--b\ny\n'), ['--b\n like b'])
  t.same(cutsOf('--B c--\r\n'), ['--B c--\r\n like b'])
  t.same(cutsOf('a\r> --b--\rc'), ['> --b--\r like b'])
  t.same(cutsOf('-\0-\0b'), ['-\0-\0b like b'])
  t.same(cutsOf('a bc--d\n- -b\n'), [])
})

t.test(
  'a body begins below a header, and ends at the next cut or at one like that above',
  async (t) => {
    const base64 = 'Content-Transfer-Encoding: base64\n\n'
    const mail = `A: b\n\n--b\n${base64}QUJD\n--:\nREVG\n--b--\nx\n`
    const bodies = bodiesOf(mail)
    t.ok(bodies.includes('QUJD\n'))
    t.ok(bodies.includes('QUJD\n--:\nREVG\n'))
    t.notOk(bodies.some((body) => body.includes('A: b')))
  },
)

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
    const [once, twice] = [carved(make(1000)).work, carved(make(2000)).work]
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

/**
 * The hidden files that the carver does not find, and why. Each is known by its digest alone, so that one more or less
 * byte hides it from it: a body signature finds it in what is carved, or in the mail.
 */
const missed: Readonly<Record<string, string>> = {
  'a text below an empty line, its first line a field to some':
    'a text that the mail has as it stands',
  'a part of text/plain in a multipart with a boundary in quotes of another': 'the same',
  'a part of text/plain in a multipart with two boundaries': 'the same',
  'quoted-printable behind a line of a part that is no field, without which a digest knows it':
    'two lines compete for its start',
  'a text file below a CR and five lines that are no fields': 'the same',
  'quoted-printable below a CR and five lines that are no fields, in a part': 'the same',
  'quoted-printable below a CR and five lines that are no fields, in a mail': 'the same',
  'a text file below a bare CR, no fields and CRs': 'the same',
  'quoted-printable below a bare CR, no fields and CRs, in a part': 'the same',
  'quoted-printable below a bare CR, no fields and CRs, in a mail': 'the same',
}

t.test('the carver finds each hidden file, but for those that only a digest knows', async (t) => {
  const LENGTH_MAX = 100_000
  const lost: string[] = []
  for (const evasion of Object.values(evasions).flat()) {
    const message = messageOf(evasion, '\n')
    if (message.length > LENGTH_MAX) continue
    if (fateOf(message, false).file !== 'found') continue
    const { file, unread } = fateOf(message, true)
    if (file !== 'found' && unread === '') lost.push(evasion.name)
  }
  t.same(lost.filter((name) => !(name in missed)).sort(), [])
})
