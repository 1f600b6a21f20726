import t from 'tap'
import { releaseBuffer } from '../../../src/base/bytes/buffers.ts'

t.test(
  'a large buffer gives its memory back, and a buffer that shares its memory does not',
  async (t) => {
    const own = Buffer.allocUnsafeSlow(100_000)
    const view = own.subarray(0, 10)
    releaseBuffer(own)
    t.equal(own.length, 0)
    t.equal(view.length, 0, "nobody sees what may be somebody else's by now")

    const whole = Buffer.allocUnsafeSlow(100_000)
    releaseBuffer(whole.subarray(0, 50_000))
    t.equal(whole.length, 100_000, 'a part of it is not all of it')
    const small = Buffer.from('from the pool')
    releaseBuffer(small)
    t.equal(small.toString(), 'from the pool')
  },
)
