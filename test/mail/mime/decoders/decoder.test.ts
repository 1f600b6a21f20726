import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Work } from '../../../../src/mail/mime/budget/work.ts'
import {
  BUFFER_SIZE,
  type Codec,
  decodedInEachWay,
  WholeLines,
  Writer,
} from '../../../../src/mail/mime/decoders/decoder.ts'
import { withoutNuls } from '../../../../src/mail/mime/decoders/text-transforms.ts'
import type { Feature } from '../../../../src/mail/mime/habits/habits.ts'

t.test(
  'decoded bytes are written when their buffer is full, and when they are asked for',
  async (t) => {
    const long = 'a text that is copied at once, as it is longer than 40 bytes'
    for (const size of [4, 16, 64]) {
      const written: string[] = []
      const writer = new Writer((buffer, length) => {
        written.push(buffer.toString('latin1', 0, length))
      }, Buffer.alloc(size))
      writer.flush()
      t.same(written, [], 'there is nothing to write')
      for (const byte of Buffer.from('byte')) writer.put(byte)
      for (const text of [' by byte, ', long, `; ${long}`]) {
        writer.putAll(Buffer.from(`##${text}##`), 2, 2 + text.length)
      }
      const whole = `byte by byte, ${long}; ${long}`
      const full = Math.ceil(whole.length / size) - 1
      t.same(
        written,
        Array.from({ length: full }, (_, at) => whole.slice(at * size, (at + 1) * size)),
      )
      writer.flush()
      t.equal(written.join(''), whole)
    }
  },
)

/** The lines of a text in these pieces. The rest of a long one begins with `...`. */
function linesOf(ends: 'lf' | 'any', ...pieces: readonly string[]): string[] {
  const lines: string[] = []
  const whole = new WholeLines((bytes, from, to, startsLine) => {
    lines.push(`${startsLine ? '' : '...'}${bytes.toString('latin1', from, to)}`)
  }, ends)
  for (const piece of pieces) whole.push(Buffer.from(`#${piece}#`), 1, 1 + piece.length)
  whole.end()
  return lines
}

t.test('lines are written whole, whatever pieces they come in', async (t) => {
  t.same(linesOf('lf', 'a\n', 'b', '', 'c\nd\n', 'e\r', 'f\r\ng'), [
    ...['a\n', 'bc\n', 'd\n', 'e\rf\r\n', 'g'],
  ])
  t.same(linesOf('any', 'a\n', 'b', 'c\rd\r', 'e', '\r\nf'), [
    ...['a\n', 'bc\r', 'd\r', 'e\r\n', 'f'],
  ])
  t.same(linesOf('lf'), [])
})

t.test('a line that is too long to be held is written in pieces', async (t) => {
  const most = 'x'.repeat(BUFFER_SIZE)
  const [whole, rest] = [`${most}y`, '...yyy\n']
  t.same(linesOf('lf', most, 'yyyy', '\nz\n'), [whole, rest, 'z\n'])
  t.same(linesOf('lf', `${most}yyyy\nz\n`), [whole, rest, 'z\n'])
  t.same(linesOf('lf', most, '\nz'), [`${most}\n`, 'z'])
  t.same(linesOf('lf', `y${most}`, most, 'z\n'), [`y${most}`, `...${most}`, '...z\n'])
})

t.test('a part with more ways of decoding than are tried is unread', async (t) => {
  const features = ['bare CR', 'blank top', 'empty line', 'blank line', 'delimiter after the end']
  const more = ['strange line', 'field below header', 'delimiter in header', 'text after the end']
  const inAllWays: Codec = (habits) => {
    for (const habit of [...features, ...more]) habits.note(habit as Feature)
    return withoutNuls
  }
  const source = Bytes.of(Buffer.from('text'))
  const work = new Work(source, { openFile: () => -1 })
  let count = 0
  const steps = decodedInEachWay(source, inAllWays, work, function* (bytes) {
    count++
    yield* work.countUnits(bytes.size)
  })
  Array.from(steps)
  t.equal(work.unread, 'more than 256 ways of decoding a part')
  t.equal(count, 257, 'the common one, and as many others as the limit')
})
