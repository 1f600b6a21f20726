import fc from 'fast-check'
import t from 'tap'
import { uint32 } from '../../../src/scanner/protocol/frames.ts'
import { frame, uint64 } from '../../../src/scanner/protocol/slot/slot-frames.ts'
import { missing } from './client.ts'
import { answerParser } from './read-answers.ts'
import {
  accept,
  acknowledgement,
  bodyAt,
  code,
  edited,
  end,
  endMark,
  HEADER,
  heartbeat,
  insert,
  keep,
  logLine,
  otherEnvelope,
  plain,
  replyText,
  standalone,
} from './scripted-daemon.ts'

/** What onescanc takes for an answer, and what not: slot-protocol.md. */

const NONSENSE = 'onescand: sent an invalid answer'
const HUNG_UP = 'onescand: closed the connection'

const read = missing ? () => [] : answerParser(t.testdir({}), plain)

/** An answer as it comes: behind the acknowledgement. */
const after = (...words: readonly Buffer[]) => Buffer.concat([acknowledgement, ...words])
const readOne = (...words: readonly Buffer[]) => read([after(...words)])[0]!

const B = bodyAt(HEADER)
const field = (type: string, length: number) => frame(type, Buffer.alloc(length, 'a'))
const nonsense: Readonly<Record<string, Buffer>> = {
  'an answer of no fields': frame('a'),
  'no end mark': frame('a', B),
  'an end mark in front': frame('a', endMark, B),
  'bytes behind the end mark': frame('a', B, endMark, Buffer.of(0)),
  'two end marks': frame('a', B, endMark, endMark),
  'an end mark with a payload': frame('a', B, field('.', 1)),
  'half a field': frame('a', B, Buffer.from('i\0\0')),
  'a field longer than the answer': frame('a', B, Buffer.from('i\0\0\x01\0'), endMark),
  'a field of 4 GiB': frame('a', B, Buffer.from('i\xff\xff\xff\xff', 'latin1'), endMark),
  'no offset': accept(keep(0, 1)),
  'an offset later': accept(keep(0, 0), B),
  'two offsets': accept(B, B),
  'an offset of 4 bytes': accept(frame('B', uint32(1))),
  'an offset of 9 bytes': accept(field('B', 9)),
  'an offset behind the message': accept(bodyAt(plain.length + 1)),
  'an offset of 2^32': accept(bodyAt(2 ** 32)),
  'an offset of 2^63': accept(frame('B', Buffer.from([128, 0, 0, 0, 0, 0, 0, 0]))),
  'a span behind the header': accept(B, keep(0, HEADER + 1)),
  'a span that begins behind it': accept(B, keep(HEADER + 1, 0)),
  'a span that wraps round': accept(B, keep(HEADER - 1, 2 ** 32 - 1)),
  'a span of 4 bytes': accept(B, frame('k', uint32(0))),
  'a span of 12 bytes': accept(B, frame('k', uint32(0, 1, 2))),
  'an unknown field': accept(B, frame('z')),
  'a NUL for a type': accept(B, frame('\0')),
  'a code in an acceptance': accept(B, code(0)),
  'a text in an acceptance': accept(B, replyText('Dno')),
  'spans that are too long together': accept(
    B,
    ...Array.from({ length: 700 }, () => keep(0, HEADER)),
  ),
  'an insertion that does not fit': accept(B, insert('y'.repeat(HEADER + 16 * 1024 + 1))),
  'both together, by one byte': accept(B, insert('y'.repeat(16 * 1024 + 1)), keep(0, HEADER)),
  'two envelopes': accept(B, otherEnvelope('Fa\0Tb\0\0'), otherEnvelope('Fa\0Tb\0\0')),
  'an empty envelope': accept(B, otherEnvelope('')),
  'an envelope that is cut': accept(B, otherEnvelope('Fa\0Tb\0')),
  'an envelope and more': accept(B, otherEnvelope('Fa\0Tb\0\0x')),
  'a wrong letter in it': accept(B, otherEnvelope('Fa\0Xb\0\0')),
  'a long address in it': accept(B, otherEnvelope(`F${'a'.repeat(1003)}\0\0`)),
  'an empty log line': accept(B, logLine('')),
  'a log line without its end': accept(B, logLine('onescan: x')),
  'a log line that is two': accept(B, logLine('onescan: x\nonescan: y\n')),
  'a log line with an escape': accept(B, logLine('onescan: \x1b[0m\n')),
  'a log line of 4,097 bytes': accept(B, logLine(`${'y'.repeat(4096)}\n`)),
  'no code': end(),
  'a code later': end(logLine('x\n'), code(71)),
  'two codes': end(code(71), code(71)),
  'a code of no byte': end(field('c', 0)),
  'a code of two bytes': end(frame('c', Buffer.of(71, 71))),
  'an insertion in an end': end(code(71), insert('')),
  'a span in an end': end(code(71), keep(0, 0)),
  'an envelope in an end': end(code(71), otherEnvelope('Fa\0Tb\0\0')),
  '82 without a text': end(code(82)),
  '71 with a text': end(code(71), replyText('Zno')),
  'two texts': end(code(82), replyText('Dno'), replyText('Dno')),
  'a text of 2 bytes': end(code(82), replyText('Dn')),
  'a text of 256 bytes': end(code(82), replyText('D'.repeat(256))),
  'a text without D or Z': end(code(82), replyText('Kno')),
  'a text that begins with a NUL': end(code(82), replyText('\0no')),
  'a text with a line end': end(code(82), replyText('Dno\r\n250 ok')),
  'an answer over 256 KiB': frame('a', Buffer.alloc(256 * 1024 + 1)),
  'an answer of 4 GiB': Buffer.from('a\xff\xff\xff\xff', 'latin1'),
  'an unknown frame': frame('y'),
  'a second acknowledgement': acknowledgement,
  'a heartbeat with a payload': field('h', 1),
  'a reason over 1 KiB': standalone('y'.repeat(1025)),
  'bytes behind the answer': Buffer.concat([edited, Buffer.of(0)]),
  'a frame behind the answer': Buffer.concat([edited, edited]),
  HTTP: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'a request for the message': frame('m'),
}

// promise: bad-onescand
t.test('an invalid answer has no effect', { skip: missing }, async (t) => {
  const names = Object.keys(nonsense)
  const readings = read(names.map((what) => after(nonsense[what]!)))
  t.same(
    names.map((what, index) => [what, readings[index]]),
    names.map((what) => [what, { kind: 'standalone', why: NONSENSE }]),
  )
})

t.test('an answer without an acknowledgement is invalid', { skip: missing }, async (t) => {
  t.same(read([edited, end(code(71)), heartbeat, acknowledgement.subarray(0, 4)]), [
    { kind: 'standalone', why: NONSENSE },
    { kind: 'standalone', why: NONSENSE },
    { kind: 'standalone', why: NONSENSE },
    { kind: 'standalone', why: HUNG_UP },
  ])
})

// promise: client-half-answer
t.test('an answer that is cut off at any byte is invalid', { skip: missing }, async (t) => {
  const words = after(heartbeat, edited)
  const cuts = Array.from({ length: words.length }, (_, length) => words.subarray(0, length))
  t.same(
    read(cuts),
    cuts.map(() => ({ kind: 'standalone', why: HUNG_UP })),
  )
  for (const count of [1, 10_000]) {
    const beats = Array.from({ length: count }, () => heartbeat)
    t.match(readOne(...beats, edited), { kind: 'a', header: 'X-QHPSI: clean\nSubject: x\n\n' })
  }
})

// promise: bad-onescand, client-half-answer
t.test('end: exactly the codes of the document', { skip: missing }, async (t) => {
  const numbers = Array.from({ length: 256 }, (_, number) => number)
  const obeyed = (fields: readonly Buffer[]) => {
    const readings = read(numbers.map((number) => after(end(code(number), ...fields))))
    return numbers.filter((number) => {
      const reading = readings[number]!
      if (reading.kind === 'standalone') t.equal(reading.why, NONSENSE)
      return reading.kind === 'x' && reading.number === number
    })
  }
  t.same(obeyed([]), [31, 33, 34, 71, 77])
  t.same(obeyed([replyText('Dmessage refused (#5.7.1)')]), [82, 88])
})

// promise: client-half-answer
t.test('garbage of any kind is invalid', { skip: missing }, async (t) => {
  const bytes = fc.uint8Array({ maxLength: 300 })
  const fields = fc.array(
    fc.tuple(fc.constantFrom(...'Bkielct.'), fc.oneof(bytes, fc.constant(uint64(HEADER)))),
  )
  const answers = fields.map((list) =>
    accept(...list.map(([type, payload]) => frame(type, Buffer.from(payload)))),
  )
  const words = fc.oneof(
    bytes.map((list) => Buffer.from(list)),
    answers,
  )
  const readings = read(fc.sample(words, 5000).map((answer) => after(answer)))
  t.equal(readings.length, 5000)
  // By chance one makes sense: then the mail is passed on, for there is no code in it.
  t.notOk(readings.some(({ kind }) => kind === 'x'))
})

/** A field of a valid answer, and what it adds. */
interface Part {
  readonly field: Buffer
  readonly header?: string
  readonly envelope?: string
  readonly lines?: string
}

t.test('an answer may go to its limits', { skip: missing }, async (t) => {
  const long = `X: ${'y'.repeat(16 * 1024 - 4)}\n`
  t.match(readOne(accept(B, insert(long), keep(0, HEADER))), {
    header: long + plain.slice(0, HEADER),
  })
  for (const at of [0, plain.length]) {
    const header = plain.slice(0, at)
    t.match(readOne(accept(bodyAt(at), keep(0, at))), { number: at, header }, 'no body, no header')
  }
  const line = `${'y'.repeat(4095)}\n`
  t.match(readOne(accept(B, logLine(line))), { lines: line })
  const reply = 'D'.padEnd(255, 'x')
  t.match(readOne(end(code(82), replyText(reply))), { reply })
  t.match(readOne(standalone('y'.repeat(1024))), { why: `onescand: ${'y'.repeat(1024)}` })
})

t.test('each valid answer is read as it is meant', { skip: missing }, async (t) => {
  const span: fc.Arbitrary<Part> = fc
    .tuple(fc.nat(HEADER), fc.nat(HEADER))
    .map(([from, to]) => [Math.min(from, to), Math.abs(to - from)] as const)
    .map(([from, length]) => ({
      field: keep(from, length),
      header: plain.slice(from, from + length),
    }))
  const latin = (maxLength: number) =>
    fc.uint8Array({ maxLength }).map((list) => Buffer.from(list).toString('latin1'))
  const inserted: fc.Arbitrary<Part> = latin(500).map((text) => ({
    field: insert(text),
    header: text,
  }))
  const line: fc.Arbitrary<Part> = fc
    .string({ unit: fc.integer({ min: 32, max: 126 }).map((n) => String.fromCharCode(n)) })
    .map((text) => ({ field: logLine(`${text}\n`), lines: `${text}\n` }))
  const wire = 'Fa@example.org\0Tb@example.org\0\0'
  const envelope = { field: otherEnvelope(wire), envelope: wire }
  const parts = fc
    .tuple(fc.array(fc.oneof(span, inserted, line)), fc.boolean())
    .map(([list, hasEnvelope]): Part[] => (hasEnvelope ? [...list, envelope] : list))
  const meant = fc.sample(parts, 3000)
  const readings = read(meant.map((list) => after(accept(B, ...list.map(({ field }) => field)))))
  const joined = (list: readonly Part[], name: 'header' | 'lines' | 'envelope') =>
    list.map((part) => part[name] ?? '').join('')
  t.same(
    readings,
    meant.map((list) => ({
      kind: 'a',
      number: HEADER,
      header: joined(list, 'header'),
      envelope: joined(list, 'envelope'),
      reply: '',
      lines: joined(list, 'lines'),
    })),
  )
})
