import t from 'tap'
import { isAllBlank, isLineEnd, LineSearch } from '../../../src/base/bytes/lines.ts'

/** The lines of a text, found from the front to the end. */
function linesOf(text: string, by: 'lf' | 'any'): string[] {
  const bytes = Buffer.from(`${text}\n\r\n`, 'latin1') // the last bytes are none of the text
  const to = text.length
  const search = new LineSearch(bytes, to)
  const lines: string[] = []
  for (let at = 0; at < to; ) {
    const end = search[by](at)
    lines.push(bytes.toString('latin1', at, end))
    at = end
  }
  return lines
}

const long = 'a line that is longer than what is compared byte by byte'

t.test('lines end at an LF', async (t) => {
  const rows: readonly (readonly string[])[] = [
    [],
    ['a'],
    ['a\n', '\n', 'b\r\n', 'c\rd'],
    [`${long}\n`, `${long}\n`, 'a\n', long],
  ]
  for (const lines of rows) t.same(linesOf(lines.join(''), 'lf'), lines)
})

t.test('lines end at an LF, a bare CR, or at CRs followed by an LF', async (t) => {
  const rows: readonly (readonly string[])[] = [
    ['a\n', '\n', 'b\r\n', 'c\r', 'd'],
    ['\r', '\r', 'a\r', '\r', 'b\r\r\n', 'c\n', '\r\r\r\n', '\n', 'd\r', '\r'],
    [`${long}\n`, `${long}\r`, `${long}\r\r\n`, 'a\r', 'b\n', long],
    ['a\r', `${long}\n`, 'b\r'],
    ['\n', '\r', 'a'],
    ['\r', '\r', 'a\n', 'b'],
  ]
  for (const lines of rows) t.same(linesOf(lines.join(''), 'any'), lines)
})

t.test('a search without an end goes to the end of the bytes', async (t) => {
  const search = new LineSearch(Buffer.from('a\nb'))
  t.equal(search.any(0), 2)
  t.equal(search.any(2), 3)
})

t.test('bytes that some reader takes for a line end, and blanks', async (t) => {
  for (const byte of Buffer.from('\n\r\v\f\0')) t.equal(isLineEnd(byte), true, `${byte}`)
  for (const byte of Buffer.from(' \ta\x0e')) t.equal(isLineEnd(byte), false, `${byte}`)
  const bytes = Buffer.from('a \t\r\n\0a')
  t.equal(isAllBlank(bytes, 1, 6), true)
  t.equal(isAllBlank(bytes, 0, 6), false)
  t.equal(isAllBlank(bytes, 1, 7), false)
  t.equal(isAllBlank(bytes, 0, 0), true)
})
