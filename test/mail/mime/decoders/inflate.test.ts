import { readFileSync } from 'node:fs'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Work } from '../../../../src/mail/mime/budget/work.ts'
import { inflated } from '../../../../src/mail/mime/decoders/inflate.ts'

/** Bytes that become not much fewer, so that they are inflated in many pieces. */
const file = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at * 7919) >> 7))

/** Inflates bytes, of which so many may come out in addition to what a stream costs. */
function inflate(bytes: Buffer, form: 'deflate' | 'zlib' | 'gzip', most: number) {
  const work = new Work(Bytes.of(bytes), { openFile: () => -1 })
  work.budget.bytes = 32 * 1024 + most
  const unitsBefore = work.budget.work
  const steps = inflated(bytes, form, work, function* (output, end) {
    const units = unitsBefore - work.budget.work
    yield* work.countUnits(0)
    return { found: Buffer.from(output), ...end, bytesLeft: work.budget.bytes, units }
  })
  try {
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
    }
  } finally {
    t.equal(work.pool.used, 0, 'all memory is given back')
  }
}

t.test('deflated bytes are inflated, and each byte is counted', async (t) => {
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

t.test('bytes over the limit are no error of the data', async (t) => {
  t.throws(() => inflate(deflateSync(file), 'zlib', file.length - 1), {
    message: 'too many bytes of content',
  })
  t.throws(() => inflate(deflateSync(file), 'zlib', -1), { message: 'too many bytes of content' })
})

t.test('bytes before an error in deflated data are yielded', async (t) => {
  const { found, isBroken } = inflate(Buffer.from('no zlib'), 'zlib', 100)
  t.equal(found.length, 0)
  t.equal(isBroken, true)
})

t.test('the exact end of a stream is known', async (t) => {
  for (const plain of [Buffer.alloc(0), Buffer.from('a'), file.subarray(0, 1000), file]) {
    for (const [form, bytes] of [
      ['zlib', deflateSync(plain)],
      ['deflate', deflateRawSync(plain)],
      ['deflate', deflateRawSync(plain, { level: 0 })],
      ['gzip', gzipSync(plain)],
      ['gzip', Buffer.concat([gzipSync(plain), gzipSync(plain)])],
    ] as const) {
      const exact = (stream: Buffer) => inflate(stream, form, 1_000_000).isExact
      t.equal(exact(bytes), true, form)
      t.equal(exact(Buffer.concat([bytes, Buffer.from('x')])), false, `${form} and a byte`)
      t.equal(exact(bytes.subarray(0, -1)), false, `${form} without its last byte`)
    }
  }
})

t.test('fflate has the version whose internal state is read', (t) => {
  const { version } = JSON.parse(readFileSync('node_modules/fflate/package.json', 'utf8'))
  t.match(version, /^0\.8\./, 'for another one, compare the members in inflate.ts with its source')
  t.end()
})

t.test('bytes that follow a stream, and wait for the end of a header, cost nothing', async (t) => {
  const behind = Buffer.alloc(8_000_000, 'x')
  const stream = deflateRawSync(Buffer.from('a'))
  t.ok(inflate(Buffer.concat([stream, behind]), 'deflate', 100).units < 100_000)
  const named = Buffer.concat([Buffer.from('1f8b0808000000000003', 'hex'), behind]) // its name has no end
  const { isBroken, units } = inflate(named, 'gzip', 100)
  t.equal(isBroken, true)
  t.ok(units < 500_000)
})
