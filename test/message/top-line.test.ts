import t from 'tap'
import { TOP_LINE } from '../../src/message/top-line.ts'

/** The line that scanners find above every message. */

t.test('it is a field, fills all bytes that scanners tell files by, and ends there', async (t) => {
  const text = TOP_LINE.toString('latin1')
  t.equal(text.length, 1024)
  t.match(text, /^Received: by onescan, for scanners alone +\n$/)
})
