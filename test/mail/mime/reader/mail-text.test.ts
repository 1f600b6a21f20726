import fc from 'fast-check'
import t from 'tap'
import { MailText } from '../../../../src/mail/mime/reader/mail-text.ts'

/** The result of work that yields units. */
function done<Result>(work: Generator<number, Result>): Result {
  let step = work.next()
  while (!step.done) step = work.next()
  return step.value
}

const bytesOf = (text: string) => Buffer.from(text, 'latin1')

/** The offsets of lines of dashes from an offset on. */
function dashLines(text: MailText, from = 0): number[] {
  const found: number[] = []
  for (let at = done(text.dashLineFrom(from)); at !== undefined; ) {
    found.push(at)
    at = done(text.dashLineFrom(at + 1))
  }
  return found
}

/** The same by an expression. */
function byExpression(mail: string, from: number, areCrsEnds: boolean): number[] {
  const lines = areCrsEnds ? /(?<=^|\n|\r)-\0*-/g : /(?<=^|\n)-\0*-/g
  return [...mail.matchAll(lines)].map(({ index }) => index).filter((at) => at >= from)
}

t.test('lines that begin with two dashes are found, from any offset on', async (t) => {
  const line = fc.constantFrom('--b', '-', '---', '-\0-b', 'a--', '', '\0', '\r--', 'x\r-', '-\r-')
  const mail = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'))
  fc.assert(
    fc.property(mail, fc.nat(40), fc.boolean(), (mail, from, areCrsEnds) => {
      const text = new MailText(bytesOf(mail), { areCrsEnds })
      t.same(dashLines(text, from), byExpression(mail, from, areCrsEnds))
      t.same(dashLines(text), byExpression(mail, 0, areCrsEnds), 'once more, from the top')
    }),
  )
})

t.test('they are found in a long text, however many there are', async (t) => {
  const mails = [255, 256, 257].flatMap((length) => {
    const end = length * 1024
    return [-2, -1, 0, 1].map((more) => `${'x'.repeat(end + more)}\n--b\n`)
  })
  for (const mail of [...mails, '--\n'.repeat(100_010), `${'-'.repeat(600_000)}\n--b`])
    t.same(dashLines(new MailText(bytesOf(mail))), byExpression(mail, 0, false))
})

t.test('a line ends at an LF, or at a CR in the mail of programs for which it does', async (t) => {
  const mail = bytesOf('a\rb\r\nc\r\r\nd')
  const lines = (areCrsEnds: boolean) => {
    const text = new MailText(mail, { areCrsEnds })
    const found: string[] = []
    for (let at = 0; at < text.size; ) {
      const { bytes, to } = text.line(at)
      found.push(bytes.toString('latin1'))
      at = to
    }
    return found
  }
  t.same(lines(false), ['a\rb\r\n', 'c\r\r\n', 'd'])
  t.same(lines(true), ['a\n', 'b\r\n', 'c\n', '\r\n', 'd'])
  t.equal(mail.toString('latin1'), 'a\rb\r\nc\r\r\nd', 'the mail itself stays')
})

t.test('a bare CR counts up to the end of what was asked for', async (t) => {
  const text = new MailText(bytesOf('a\r\nb\n--c\nd\re\n--f\n'))
  text.line(0)
  t.equal(done(text.hasBareCr()), false)
  t.equal(done(text.dashLineFrom(0)), 5)
  t.equal(done(text.hasBareCr()), false)
  t.equal(done(text.dashLineFrom(6)), 13)
  t.equal(done(text.hasBareCr()), true)
})

t.test('the text after the dashes has what may be compared', async (t) => {
  const texts: Readonly<Record<string, string>> = {
    '--b': 'b',
    '--b \r\r\n': 'b ',
    '---b\n': '-b',
    '-\0\0-b\n': '\0b',
    [`--b${'x'.repeat(2000)}\n`]: `b${'x'.repeat(1099)}`,
    [`--${' '.repeat(2000)}b\n`]: ' b',
    [`--\0${'\t\0'.repeat(2000)}b\0c\n`]: '\0 bc',
  }
  for (const [line, expected] of Object.entries(texts))
    t.equal(new MailText(bytesOf(line)).dashText(0), expected, JSON.stringify(line.slice(0, 9)))
})
