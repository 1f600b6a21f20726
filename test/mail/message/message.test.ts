import t from 'tap'
import { TOP_LINE } from '../../../src/mail/message/message.ts'

/** The line that scanners find above every message. */

t.test(
  'TOP_LINE is a field that fills all bytes by which scanners know files, and no more',
  async (t) => {
    const text = TOP_LINE.toString('latin1')
    t.equal(text.length, 1024)
    t.match(text, /^Received: by onescan, for scanners alone +\n$/)
  },
)
