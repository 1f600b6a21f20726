import fc from 'fast-check'
import t from 'tap'
import { CrlfReader } from '../../../src/mail/message/crlf-reader.ts'

/** Line ends of CRLF become LF, in any split. */

/** Text in which line ends are frequent, with runs that are shorter and longer than native calls take. */
const text = fc
  .array(fc.constantFrom('\r\n', '\r\n\r\n', '\r', '\n', 'a', 'x'.repeat(31), 'y'.repeat(70)), {
    maxLength: 24,
  })
  .map((pieces) => pieces.join(''))

function read(whole: string, size: number): string {
  const reader = new CrlfReader()
  const out: Buffer[] = []
  for (let at = 0; at < whole.length; at += size) {
    out.push(reader.push(Buffer.from(whole.slice(at, at + size), 'latin1')))
    out.push(reader.push(Buffer.alloc(0)))
  }
  return Buffer.concat([...out, reader.finish()]).toString('latin1')
}

t.test('each CRLF becomes an LF, and all else stays, in any split', async (t) => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 200 }), (whole, size) => {
      t.equal(read(whole, size), whole.replaceAll('\r\n', '\n'))
    }),
    { numRuns: 3000 },
  )
})
