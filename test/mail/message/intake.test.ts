import { createHash } from 'node:crypto'
import t from 'tap'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { HEADER_FIELDS_MAX, HEADER_MAX } from '../../../src/mail/message/header-block.ts'
import { Intake, messageOf } from '../../../src/mail/message/intake.ts'
import type { Message } from '../../../src/mail/message/message.ts'
import { TOP_LINE } from '../../../src/scanner/scan/scanners/contract/top-line.ts'
import { openDirectory } from '../../programs/host/reachable.ts'

/** Messages put together from their bytes, in any split, as most doors and commands do. */

const directory = openDirectory(t)

const spool = { directory, sharedDirectory: undefined }

function received(pieces: readonly Buffer[]): Message {
  const intake = new Intake({ spool }, new Budget(1e9).open())
  for (const piece of pieces) intake.write(piece)
  return intake.finish()
}

t.test('a body has the digests that are wanted, or a fault', async (t) => {
  const formOf = (mail: string, wanted = { wantsMd5: false, wantsSha256: true }, hash = true) => {
    const options = { digestsFor: () => wanted, createHash: hash ? createHash : undefined }
    return messageOf(Buffer.from(mail), { spool, ...options }).canonical
  }
  const none = { md5: undefined, sha256: undefined }
  const x = createHash('sha256').update('x\n').digest('hex')
  t.same(formOf('A: b\n\nx\n'), { fault: undefined, digests: { ...none, sha256: x } })
  const endings = 'the body has other line endings than the header'
  t.equal(formOf('A: b\n\nx\r\n').fault, endings)
  const { sha256, md5 } = formOf('A: b\n\nx\n', { wantsMd5: true, wantsSha256: false }).digests
  t.same([sha256, md5?.digest('hex')], [undefined, createHash('md5').update('x\n').digest('hex')])
  const odd = 'no field\n\nx\n'
  t.same(formOf(odd), { fault: 'line 1 of the header is not a field', digests: none })
  const tooLarge = `${'a:\n'.repeat(HEADER_FIELDS_MAX + 1)}\nx\n`
  t.same(formOf(tooLarge), { fault: 'the header has more than 5000 fields', digests: none })
  // Nobody needs to know.
  t.same(formOf(odd, { wantsMd5: false, wantsSha256: false }), { fault: undefined, digests: none })
  t.same(formOf(odd, undefined, false), { fault: undefined, digests: none })
})

t.test('a header block of 1 MiB is held, and a larger one is cut', async (t) => {
  for (const split of [false, true]) {
    const pieces = (size: number) => {
      const bytes = Buffer.from(`A: ${'x'.repeat(size - 5)}\n\nbody`)
      return split ? [bytes.subarray(0, 70_000), bytes.subarray(70_000)] : [bytes]
    }
    const fits = received(pieces(HEADER_MAX))
    t.equal(fits.isHeaderCut, false)
    t.equal(fits.header.length, HEADER_MAX)
    fits.close()
    const over = received(pieces(HEADER_MAX + 1))
    t.equal(over.isHeaderCut, true)
    over.close()
  }
})

t.test('a message of one endless line uses no more memory than a header block', async (t) => {
  const piece = Buffer.alloc(256 * 1024, 'x')
  const message = received(Array.from({ length: 200 }, () => piece))
  t.equal(message.isHeaderCut, true)
  t.equal(message.header.length, HEADER_MAX)
  t.equal(message.size, 200 * piece.length)
  let read = message.header.length
  for (const chunk of message.body.chunks()) read += chunk.length
  t.equal(read, message.size, 'all of it is there')
  message.close()
})

t.test('a header that comes line by line is looked through once', async (t) => {
  const long = Buffer.from(`A: ${'x'.repeat(HEADER_MAX / 2)}\n`)
  const lines = Array.from({ length: 4000 }, () => Buffer.from('B: c\n'))
  let looked = 0
  const { indexOf } = Buffer.prototype
  t.teardown(() => {
    Buffer.prototype.indexOf = indexOf
  })
  Buffer.prototype.indexOf = function (this: Buffer, byte: number, from = 0) {
    const found = indexOf.call(this, byte, from)
    looked += (found < 0 ? this.length : found) - from
    return found
  } as typeof indexOf
  const message = received([long, ...lines, Buffer.from('\nbody')])
  t.equal(message.isHeaderCut, false)
  t.ok(looked < 10 * message.size, `${looked} bytes`)
  message.close()
})

t.test('the line above each message fills all bytes by which scanners know files', async (t) => {
  const text = TOP_LINE.toString('latin1')
  t.equal(text.length, 1024)
  t.match(text, /^Received: by onescan, for scanners alone +\n$/)
})
