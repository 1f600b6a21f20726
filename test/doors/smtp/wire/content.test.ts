import fc from 'fast-check'
import t from 'tap'
import { createContentReader } from '../../../../src/doors/smtp/wire/content.ts'
import { createStuffing } from '../../../../src/doors/smtp/wire/stuffing.ts'

/** What stands between DATA and its end, in any split. */

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** What is read of a text that comes in pieces of so many bytes. */
function read(text: string, size = 1 << 20) {
  const reader = createContentReader()
  const content: Buffer[] = []
  const wire = bytes(text)
  let taken = 0
  while (taken < wire.length && !reader.ended) {
    const chunk = wire.subarray(taken, taken + size)
    for (const piece of reader.push(chunk)) content.push(Buffer.from(piece))
    taken += chunk.length
  }
  const { ended, bareLf, bareCr, ambiguousDot } = reader
  const rest = reader.rest.toString('latin1') + wire.toString('latin1', taken)
  return {
    content: Buffer.concat(content).toString('latin1'),
    ended,
    rest: ended ? rest : '',
    bareLf,
    bareCr,
    ambiguousDot,
  }
}

/** RFC 5321 4.5.2 in another way: by lines that end in CRLF. */
function byLines(text: string) {
  const lines = text.split('\r\n')
  const last = lines.slice(0, -1).indexOf('.')
  const whole = last < 0 ? lines.slice(0, -1) : lines.slice(0, last)
  const content = whole.map((line) => `${line.replace(/^\./, '')}\r\n`).join('')
  return { content, ended: last >= 0, rest: last < 0 ? '' : lines.slice(last + 1).join('\r\n') }
}

/** Text in which all that matters is frequent. */
const wireText = fc
  .array(fc.constantFrom('\r\n', '\r\n', '.', '\r', '\n', '\0', 'a', 'bc', '..', '\r\n.\r\n'), {
    maxLength: 24,
  })
  .map((pieces) => pieces.join(''))

t.test(
  'only CRLF . CRLF ends the content, and dots are removed as in RFC 5321 4.5.2',
  async (t) => {
    fc.assert(
      fc.property(wireText, (text) => {
        const whole = `${text}\r\n.\r\nMAIL`
        const { content, ended, rest } = read(whole)
        t.same({ content, ended, rest }, byLines(whole))
      }),
      { numRuns: 3000 },
    )
  },
)

t.test('content is read the same in any split', async (t) => {
  fc.assert(
    fc.property(wireText, fc.integer({ min: 1, max: 5 }), (text, size) => {
      const whole = `${text}\r\n.\r\nNOOP\r\n`
      t.same(read(whole, size), read(whole))
    }),
    { numRuns: 2000 },
  )
})

t.test('a dot at any position of a chunk is read, stuffed or as the end', async (t) => {
  for (let at = 0; at < 40; at++) {
    const line = 'x'.repeat(at)
    const text = `${line}\r\n..${line}\r\n.\r\n`
    for (let size = 1; size <= text.length; size++) {
      t.same(read(text, size), {
        content: `${line}\r\n.${line}\r\n`,
        ended: true,
        rest: '',
        bareLf: false,
        bareCr: false,
        ambiguousDot: false,
      })
    }
  }
})

t.test('content of no bytes, and of one dot, is read', async (t) => {
  t.match(read('.\r\n'), { content: '', ended: true, ambiguousDot: false })
  t.match(read('..\r\n.\r\n'), { content: '.\r\n', ended: true, ambiguousDot: false })
})

/**
 * Does any server read the message's end in what is sent, before its end? A server is lenient
 * about what ends a line, and may leave out NULs.
 */
function endsEarly(sent: string): boolean {
  const body = sent.slice(0, -'\r\n.\r\n'.length)
  const ends = [/(^|\r\n|\n|\r)\.(\r\n|\n|\r)/, /(^|\r\n|\n)\.(\r\n|\n)/, /(^|\r\n|\r)\.(\r\n|\r)/]
  return [body, body.replaceAll('\0', '')].some((text) =>
    ends.some((end) => end.test(`${text}\r\n`.slice(0, -1))),
  )
}

t.test('content that is not refused ends for no server before its end', async (t) => {
  let passed = 0
  fc.assert(
    fc.property(wireText, (text) => {
      const { content, ambiguousDot, rest } = read(`${text}\r\n.\r\n`)
      if (ambiguousDot || rest !== '') return
      passed++
      const stuffing = createStuffing('as they are')
      const sent = Buffer.concat([stuffing.push(bytes(content)), stuffing.finish()])
      t.notOk(endsEarly(sent.toString('latin1')), JSON.stringify({ text, sent: sent.toString() }))
    }),
    { numRuns: 20_000 },
  )
  t.ok(passed > 1000, `${passed} were sent`)
})

t.test('content that is stuffed and read again is the same, byte for byte', async (t) => {
  fc.assert(
    fc.property(wireText, fc.integer({ min: 1, max: 5 }), (text, size) => {
      const { content, ambiguousDot } = read(`${text}\r\n.\r\n`)
      if (ambiguousDot) return
      const stuffing = createStuffing('as they are')
      const out: Buffer[] = []
      const whole = bytes(content)
      for (let at = 0; at < whole.length; at += size) out.push(stuffing.push(whole.subarray(at, at + size))) // biome-ignore format: a line
      out.push(stuffing.finish())
      const again = read(Buffer.concat(out).toString('latin1'))
      t.match(again, { content, ended: true, rest: '' })
    }),
    { numRuns: 3000 },
  )
})

t.test('lines in LF are sent in CRLF, in any split', async (t) => {
  const text = fc.array(fc.constantFrom('\n', '.', 'a', '\r', '\n.\n'), { maxLength: 20 })
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 4 }), (pieces, size) => {
      const kept = `${pieces.join('')}\n`.replaceAll('\r.', '\ra')
      const stuffing = createStuffing('lf')
      const out: Buffer[] = []
      const whole = bytes(kept)
      for (let at = 0; at < whole.length; at += size) out.push(stuffing.push(whole.subarray(at, at + size))) // biome-ignore format: a line
      out.push(stuffing.finish())
      const { content, rest } = read(Buffer.concat(out).toString('latin1'))
      t.same({ content, rest }, { content: kept.replaceAll('\n', '\r\n'), rest: '' })
    }),
    { numRuns: 2000 },
  )
})

t.test('a text whose last line has no end gets one', async (t) => {
  for (const kind of ['lf', 'as they are'] as const) {
    const stuffing = createStuffing(kind)
    const sent = Buffer.concat([stuffing.push(bytes('.a')), stuffing.finish()])
    t.equal(sent.toString(), '..a\r\n.\r\n')
  }
  t.equal(createStuffing('lf').finish().toString(), '.\r\n', 'but no text has no line')
})

t.test('a dot behind a bare line end is never sent', async (t) => {
  for (const text of ['a\n.b\r\n', 'a\r.\r\n', 'a\n.\r\n']) {
    t.throws(() => createStuffing('as they are').push(bytes(text)), { name: 'WireError' })
  }
})
