import { deflateRawSync, deflateSync } from 'node:zlib'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { inflated } from '../../../../src/mail/mime/containers/inflate.ts'
import { Work } from '../../../../src/mail/mime/shared/work.ts'

/** Bytes that become not much fewer, so that they are inflated in many pieces. */
const file = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at * 7919) >> 7))

/** Inflates bytes, of which so many may come out besides what a stream costs. */
function inflate(bytes: Buffer, form: 'deflate' | 'zlib', most: number) {
  const source = Bytes.of(bytes)
  const work = new Work(source, { openFile: () => -1 })
  work.budget.bytes = 32 * 1024 + most
  const steps = inflated(source, form, work)
  try {
    for (;;) {
      const step = steps.next()
      if (!step.done) continue
      const { store, isBroken } = step.value
      const found = Buffer.concat([...store.chunks()].map((chunk) => Buffer.from(chunk)))
      store.close()
      return { found, isBroken, bytesLeft: work.budget.bytes }
    }
  } finally {
    t.equal(work.pool.used, 0, 'all memory is given back')
  }
}

t.test('what was deflated is inflated, and each byte of it is counted', async (t) => {
  for (const [form, bytes] of [
    ['zlib', deflateSync(file)],
    ['deflate', deflateRawSync(file)],
  ] as const) {
    const { found, isBroken, bytesLeft } = inflate(bytes, form, file.length)
    t.ok(found.equals(file))
    t.equal(isBroken, false)
    t.equal(bytesLeft, 0)
  }
})

t.test(
  'more bytes than a mail may have are an error of the limit, and not of the data',
  async (t) => {
    t.throws(() => inflate(deflateSync(file), 'zlib', file.length - 1), {
      message: 'contents of too many bytes',
    })
    t.throws(() => inflate(deflateSync(file), 'zlib', -1), {
      message: 'contents of too many bytes',
    })
  },
)

t.test('what comes before an error in deflated bytes is given', async (t) => {
  const { found, isBroken } = inflate(Buffer.from('no zlib'), 'zlib', 100)
  t.equal(found.length, 0)
  t.equal(isBroken, true)
})
