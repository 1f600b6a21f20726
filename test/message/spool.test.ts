import { existsSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../src/ground/errors/fault.ts'
import { HEADER_MAX } from '../../src/message/header-block.ts'
import { createSpool, type SpooledMessage } from '../../src/message/spool.ts'
import type { SpoolPolicy } from '../../src/message/spool-policy.ts'

const noDigests = { md5: false, sha256: false }

function spool(pieces: readonly Buffer[], policy: Partial<SpoolPolicy> = {}): SpooledMessage {
  const spool = createSpool({
    policy: { directory: tmpdir(), sharedDirectory: undefined, ...policy },
    digestsFor: () => noDigests,
    createHash: undefined,
  })
  for (const piece of pieces) spool.write(piece)
  return spool.finish()
}

/** Reads what a program reads that inherits the descriptor at `offset`. */
function readFrom({ fd, offset }: { fd: number; offset: number }): Buffer {
  const parts: Buffer[] = []
  const buffer = Buffer.alloc(65_536)
  for (let at = offset; ; ) {
    const length = readSync(fd, buffer, 0, buffer.length, at)
    if (length === 0) return Buffer.concat(parts)
    parts.push(Buffer.from(buffer.subarray(0, length)))
    at += length
  }
}

const copy = (chunks: Iterable<Buffer>) =>
  Buffer.concat(Array.from(chunks, (chunk) => Buffer.from(chunk)))

t.test('any message comes out of the spool as it went in, in any split', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('\n', '\r\n', 'A: b\n', ' x', '\0', '\xff', 'From \n')),
      fc.nat({ max: 20 }),
      async (pieces, cut) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1')
        const message = spool([bytes.subarray(0, cut), bytes.subarray(cut)])
        t.equal(message.size, bytes.length)
        t.ok(Buffer.concat([message.header.bytes, copy(message.body())]).equals(bytes))
        t.ok(
          readFileSync(await message.path(message.header.bytes)).equals(bytes),
          'a path shows no gap',
        )
        t.ok(readFrom(message.rewrite(message.header.bytes)).equals(bytes))
        message.close()
      },
    ),
    { numRuns: 60 },
  )
})

t.test('a new header stands right before the body', async (t) => {
  const message = spool([Buffer.from('Old: header\n\nbody')])
  t.equal(readFrom(message.rewrite(Buffer.from('New: one\n\n'))).toString(), 'New: one\n\nbody')
  message.close()
})

t.test('a header that has outgrown the gap goes through a second spool', async (t) => {
  const message = spool([Buffer.from('Old: header\n\nbody')])
  const large = Buffer.from(`New: ${'x'.repeat(100_000)}\n\n`)
  t.ok(readFrom(message.rewrite(large)).equals(Buffer.concat([large, Buffer.from('body')])))
  message.close()
})

t.test('a header block of 1 MiB is held, one byte more is too large', async (t) => {
  const block = (size: number) => Buffer.from(`A: ${'x'.repeat(size - 5)}\n\n`)
  for (const split of [false, true]) {
    const pieces = (size: number) => {
      const bytes = Buffer.concat([block(size), Buffer.from('body')])
      return split ? [bytes.subarray(0, 70_000), bytes.subarray(70_000)] : [bytes]
    }
    const fits = spool(pieces(HEADER_MAX))
    t.equal(fits.headerTooLarge, false)
    t.equal(fits.header.length, HEADER_MAX)
    fits.close()
    const over = spool(pieces(HEADER_MAX + 1))
    t.equal(over.headerTooLarge, true)
    over.close()
  }
})

t.test('a message of one endless line takes no more memory than a header block may', async (t) => {
  const piece = Buffer.alloc(256 * 1024, 'x')
  const message = spool(Array.from({ length: 200 }, () => piece))
  t.equal(message.headerTooLarge, true)
  t.equal(message.header.length, HEADER_MAX)
  message.close()
})

t.test('a file for scanners is private if there is no SPOOLDIR', async (t) => {
  const directory = t.testdir()
  const message = spool([Buffer.from('A: b\n\nbody')], { directory })
  const path = await message.path(message.header.bytes)
  t.equal(await message.path(message.header.bytes), path, 'there is one')
  t.equal(message.pathIsShared, false)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  message.removeNamedFile()
  t.same(readdirSync(directory), [])
  message.close()
})

t.test('a file in SPOOLDIR is readable by its group, whatever the umask', async (t) => {
  const sharedDirectory = t.testdir()
  const before = process.umask(0o077)
  const message = spool([Buffer.from('A: b\n\nbody')], { sharedDirectory })
  const path = await message.path(message.header.bytes)
  process.umask(before)
  t.equal(message.pathIsShared, true)
  t.equal(statSync(path).mode & 0o777, 0o640)
  message.close()
  t.same(readdirSync(sharedDirectory), [])
})

t.test('closing a message leaves nothing, even if a scanner took its file away', async (t) => {
  const sharedDirectory = t.testdir()
  const message = spool([Buffer.from('A: b\n\nbody')], { sharedDirectory })
  writeFileSync(await message.path(message.header.bytes), '')
  message.close()
  t.same(readdirSync(sharedDirectory), [])
  t.equal(existsSync(sharedDirectory), true)
})

t.test(
  'a directory that cannot be used is a temporary error that names the directory',
  async (t) => {
    const missing = join(t.testdir(), 'missing')
    const faultOf = (make: () => unknown) => {
      try {
        make()
      } catch (error) {
        return error instanceof Fault ? `${error.kind} ${error.message}` : String(error)
      }
      return 'none'
    }
    t.match(
      faultOf(() => spool([], { directory: missing })),
      /^temp-file .*missing \(TMPDIR\)/,
    )
    const message = spool([Buffer.from('A: b\n\n')], { sharedDirectory: missing })
    const fault = await message.path(message.header.bytes).catch((error: Fault) => error)
    t.match(
      fault instanceof Fault && `${fault.kind} ${fault.message}`,
      /^temp-file .*missing \(SPOOLDIR\)/,
    )
    message.close()
  },
)
