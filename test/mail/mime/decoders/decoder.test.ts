import t from 'tap'
import { BUFFER_SIZE, WholeLines, Writer } from '../../../../src/mail/mime/decoders/decoder.ts'

t.test(
  'decoded bytes are given when their buffer is full, and when they are asked for',
  async (t) => {
    const long = 'a text that is copied at once, as it is longer than 40 bytes'
    for (const size of [4, 16, 64]) {
      const given: string[] = []
      const writer = new Writer((buffer, length) => {
        given.push(buffer.toString('latin1', 0, length))
      }, Buffer.alloc(size))
      writer.flush()
      t.same(given, [], 'there is nothing to give')
      for (const byte of Buffer.from('byte')) writer.put(byte)
      for (const text of [' by byte, ', long, `; ${long}`]) {
        writer.putAll(Buffer.from(`##${text}##`), 2, 2 + text.length)
      }
      const whole = `byte by byte, ${long}; ${long}`
      const full = Math.ceil(whole.length / size) - 1
      t.same(
        given,
        Array.from({ length: full }, (_, at) => whole.slice(at * size, (at + 1) * size)),
      )
      writer.flush()
      t.equal(given.join(''), whole)
    }
  },
)

function linesOf(ends: 'lf' | 'any', ...pieces: readonly string[]): string[] {
  const lines: string[] = []
  const whole = new WholeLines((bytes, from, to) => {
    lines.push(bytes.toString('latin1', from, to))
  }, ends)
  for (const piece of pieces) whole.push(Buffer.from(`#${piece}#`), 1, 1 + piece.length)
  whole.end()
  return lines
}

t.test('lines are given whole, whatever pieces they come in', async (t) => {
  t.same(linesOf('lf', 'a\n', 'b', '', 'c\nd\n', 'e\r', 'f\r\ng'), [
    ...['a\n', 'bc\n', 'd\n', 'e\rf\r\n', 'g'],
  ])
  t.same(linesOf('any', 'a\n', 'b', 'c\rd\r', 'e', '\r\nf'), [
    ...['a\n', 'bc\r', 'd\r', 'e\r\n', 'f'],
  ])
  t.same(linesOf('lf'), [])
})

t.test('a line that is too long to be held is given in pieces', async (t) => {
  const [most, more] = ['x'.repeat(BUFFER_SIZE), 'y'.repeat(10)]
  t.same(linesOf('lf', most, more, 'z\n'), [most + more, 'z\n'])
  t.same(linesOf('lf', most, '\nz'), [`${most}\n`, 'z'])
})
