import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { MessageStream } from '../../../../src/doors/shared/intake/message-stream.ts'
import { Budget } from '../../../../src/doors/shared/limits/memory-budget.ts'
import { HEADER_MAX } from '../../../../src/message/header-block.ts'
import type { Message } from '../../../../src/message/message.ts'

/** Messages put together from a stream, as the slot and its socket do. */

const directory = mkdtempSync(join(tmpdir(), 'onescan-stream-'))
t.teardown(() => rmSync(directory, { recursive: true }))

function received(pieces: readonly Buffer[]): Promise<Message> {
  const options = {
    policy: { directory, sharedDirectory: undefined },
    digestsFor: () => ({ md5: false, sha256: false }),
    createHash: undefined,
  }
  const stream = new MessageStream(options, new Budget(1e9).open())
  for (const piece of pieces) stream.write(piece)
  return stream.finish()
}

const bytesOf = ({ header, body }: Message) =>
  Buffer.concat([header.bytes, ...Array.from(body(), (chunk) => Buffer.from(chunk))])

t.test('any message comes out as it went in, in any split', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('\n', '\r\n', 'A: b\n', ' x', '\0', '\xff', 'From \n')),
      fc.nat({ max: 20 }),
      fc.constantFrom(0, 200_000),
      async (pieces, cut, more) => {
        const text = Buffer.from(pieces.join(''), 'latin1')
        const bytes = Buffer.concat([text, Buffer.alloc(more, 'line\n')])
        const message = await received([bytes.subarray(0, cut), bytes.subarray(cut)])
        t.equal(message.size, bytes.length)
        t.ok(bytesOf(message).equals(bytes))
        message.close()
      },
    ),
    { numRuns: 60 },
  )
  t.same(readdirSync(directory), [])
})

t.test('a header block of 1 MiB is held, one byte more is too large', async (t) => {
  for (const split of [false, true]) {
    const pieces = (size: number) => {
      const bytes = Buffer.from(`A: ${'x'.repeat(size - 5)}\n\nbody`)
      return split ? [bytes.subarray(0, 70_000), bytes.subarray(70_000)] : [bytes]
    }
    const fits = await received(pieces(HEADER_MAX))
    t.equal(fits.headerTooLarge, false)
    t.equal(fits.header.length, HEADER_MAX)
    fits.close()
    const over = await received(pieces(HEADER_MAX + 1))
    t.equal(over.headerTooLarge, true)
    over.close()
  }
})

t.test('a message of one endless line takes no more memory than a header block may', async (t) => {
  const piece = Buffer.alloc(256 * 1024, 'x')
  const message = await received(Array.from({ length: 200 }, () => piece))
  t.equal(message.headerTooLarge, true)
  t.equal(message.header.length, HEADER_MAX)
  message.close()
})
