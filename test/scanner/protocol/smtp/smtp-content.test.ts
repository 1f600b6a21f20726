import fc from 'fast-check'
import t from 'tap'
import { CrlfReader } from '../../../../src/mail/message/crlf-reader.ts'
import { ContentReader, Stuffing } from '../../../../src/scanner/protocol/smtp/smtp-content.ts'

/** What is between DATA and its end, in any split. */

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** What is read of a text that comes in pieces of this many bytes. */
function read(text: string, size = 1 << 20) {
  const reader = new ContentReader()
  const content: Buffer[] = []
  const wire = bytes(text)
  let taken = 0
  while (taken < wire.length && !reader.isEnded) {
    const chunk = wire.subarray(taken, taken + size)
    content.push(Buffer.from(reader.push(chunk)))
    taken += chunk.length
  }
  const { isEnded, bare, hasHiddenDot } = reader
  const rest = reader.rest.toString('latin1') + wire.toString('latin1', taken)
  return {
    content: Buffer.concat(content).toString('latin1'),
    ended: isEnded,
    rest: isEnded ? rest : '',
    bare,
    hasHiddenDot,
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
  .array(
    fc.constantFrom(
      '\r\n',
      '\r\n',
      '.',
      '\r',
      '\n',
      '\0',
      'a',
      'bc',
      '..',
      'x'.repeat(40),
      '\r\n.\r\n',
    ),
    {
      maxLength: 24,
    },
  )
  .map((pieces) => pieces.join(''))

// promise: rule-14-smuggling
t.test('only CRLF . CRLF ends content, and dots are removed as in RFC 5321 4.5.2', async (t) => {
  fc.assert(
    fc.property(wireText, (text) => {
      const whole = `${text}\r\n.\r\nMAIL`
      const { content, ended, rest } = read(whole)
      t.same({ content, ended, rest }, byLines(whole))
    }),
    { numRuns: 3000 },
  )
})

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
        bare: undefined,
        hasHiddenDot: false,
      })
    }
  }
})

t.test('content of no bytes, and of one dot, is read', async (t) => {
  t.match(read('.\r\n'), { content: '', ended: true, hasHiddenDot: false })
  t.match(read('..\r\n.\r\n'), { content: '.\r\n', ended: true, hasHiddenDot: false })
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

/** Content as it is kept, and as it is sent again in pieces of this many bytes. */
function passOn(content: string, size = 1 << 20) {
  const kept = bytes(content.replaceAll('\r\n', '\n'))
  const stuffing = new Stuffing()
  const out: Buffer[] = []
  for (let at = 0; at < kept.length; at += size)
    out.push(stuffing.push(kept.subarray(at, at + size)))
  out.push(stuffing.finish())
  return { kept: kept.toString('latin1'), sent: Buffer.concat(out).toString('latin1') }
}

// promise: rule-14-smuggling
t.test('content that is not refused ends for no server before its end', async (t) => {
  let passed = 0
  fc.assert(
    fc.property(wireText, (text) => {
      const { content, hasHiddenDot, rest } = read(`${text}\r\n.\r\n`)
      if (hasHiddenDot || rest !== '') return
      passed++
      const { sent } = passOn(content)
      t.notOk(endsEarly(sent), JSON.stringify({ text, sent }))
    }),
    { numRuns: 20_000 },
  )
  t.ok(passed > 1000, `${passed} were sent`)
})

t.test('a message that is sent and read again is the same, in any split', async (t) => {
  fc.assert(
    fc.property(wireText, fc.integer({ min: 1, max: 5 }), (text, size) => {
      const { content, hasHiddenDot } = read(`${text}\r\n.\r\n`)
      if (hasHiddenDot) return
      const { kept, sent } = passOn(content, size)
      const again = read(sent)
      t.match(again, { ended: true, rest: '' })
      t.equal(again.content, kept.replaceAll('\n', '\r\n'))
    }),
    { numRuns: 3000 },
  )
})

t.test('a CR or LF without the other one is reported, in any split', async (t) => {
  fc.assert(
    fc.property(wireText, fc.integer({ min: 1, max: 5 }), (text, size) => {
      const whole = `${text}\r\n.\r\n`
      const upToEnd = whole.slice(0, whole.length - read(whole).rest.length)
      const alone = /\r(?!\n)|(?<!\r)\n/.exec(upToEnd)?.[0]
      const bare = alone === undefined ? undefined : alone === '\r' ? 'CR' : 'LF'
      t.equal(read(whole, size).bare, bare, JSON.stringify(whole))
    }),
    { numRuns: 3000 },
  )
})

t.test('a text whose last line has no end gets one', async (t) => {
  t.equal(passOn('.a').sent, '..a\r\n.\r\n')
  t.equal(passOn('').sent, '.\r\n', 'but no text has no line')
})

t.test('a dot after a bare CR is never sent', async (t) => {
  for (const size of [1, 2, 9]) t.throws(() => passOn('a\r.\r\n', size), { name: 'WireError' })
})

/** Returns how often `work` makes, copies or searches a buffer by a call of the runtime. */
function callsOf(work: () => void): number {
  let calls = 0
  const restore: (() => void)[] = []
  const count = (owner: object, names: readonly string[]) => {
    for (const name of names) {
      const own = owner as Record<string, (...words: unknown[]) => unknown>
      const called = own[name]!
      own[name] = function (this: unknown, ...words: unknown[]) {
        calls++
        return called.apply(this, words)
      }
      restore.push(() => {
        own[name] = called
      })
    }
  }
  count(Buffer, ['alloc', 'allocUnsafe', 'concat', 'from'])
  count(Buffer.prototype, ['subarray', 'copy', 'indexOf', 'includes'])
  try {
    work()
  } finally {
    for (const undo of restore) undo()
  }
  return calls
}

t.test('short lines cost no call each: a chunk is read, kept and sent as one', async (t) => {
  const CHUNK = 64 * 1024
  const chunkOf = (line: string) => bytes(line.repeat(Math.floor(CHUNK / line.length)))
  const readCalls = (chunk: Buffer) => {
    const reader = new ContentReader()
    const lineEnds = new CrlfReader()
    reader.push(bytes('Subject: x\r\n\r\n'))
    return callsOf(() => lineEnds.push(reader.push(chunk)))
  }
  for (const line of ['\r\n', '..\r\n', '.a\r\n', 'a\r\n', '..........\r\n', '.\rx\r\n', '\n']) {
    const name = JSON.stringify(line)
    t.ok(readCalls(chunkOf(line)) < 20, `${name} is read in ${readCalls(chunkOf(line))} calls`)
    const kept = bytes(chunkOf(line).toString('latin1').replaceAll('\r', ''))
    const stuffing = new Stuffing()
    const sent = callsOf(() => stuffing.push(kept))
    t.ok(sent < 20, `${name} is sent in ${sent} calls`)
  }
  const lines = CHUNK / 72
  const text = readCalls(chunkOf(`${'x'.repeat(70)}\r\n`))
  t.ok(text < 10 * lines, `and text in ${text}, a few for each line`)
})
