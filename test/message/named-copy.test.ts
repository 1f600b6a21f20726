import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { createNamedCopy } from '../../src/message/named-copy.ts'

const MEGABYTE = 1024 * 1024
const PIECE = MEGABYTE / 4

/** A body of so many pieces, all in one memory, as the message's file is read. */
function bodyOf(pieces: number) {
  let read = 0
  return {
    get read() {
      return read
    },
    *chunks(): Generator<Buffer> {
      const buffer = Buffer.alloc(PIECE)
      for (let piece = 0; piece < pieces; piece++) {
        read++
        yield buffer.fill(piece)
      }
    },
  }
}

t.test('the copy of a large message gives other work turns', async (t) => {
  const directory = t.testdir()
  const pieces = 32
  const body = bodyOf(pieces)
  const policy = { directory, sharedDirectory: undefined }
  const copy = createNamedCopy(policy, body.chunks)
  const top = Buffer.from('top\n')
  const readAtTurns: number[] = []
  let isOver = false
  const others = () => {
    readAtTurns.push(body.read)
    if (!isOver) setImmediate(others)
  }
  setImmediate(others)
  const path = copy.path(top)
  t.equal(await copy.path(top), await path, 'who asks meanwhile gets the same one')
  isOver = true
  const turns = new Set(readAtTurns).size
  t.ok(turns >= (pieces * PIECE) / MEGABYTE - 1, `others had ${turns} turns`)
  const expected = Buffer.concat([
    top,
    ...Array.from(bodyOf(pieces).chunks(), (chunk) => Buffer.from(chunk)),
  ])
  t.ok(readFileSync(await path).equals(expected))
  copy.removeNamedFile()
  t.notOk(existsSync(await path))
})

t.test(
  'a copy that is removed while it is made reads no further, and leaves nothing',
  async (t) => {
    for (const shared of [true, false]) {
      const directory = t.testdir()
      const body = bodyOf(32)
      const policy = { directory, sharedDirectory: shared ? directory : undefined }
      const copy = createNamedCopy(policy, body.chunks)
      const path = copy.path(Buffer.from('top\n'))
      t.equal(readdirSync(directory).length, 1)
      const before = body.read
      copy.removeNamedFile()
      t.same(readdirSync(directory), [])
      await t.rejects(path, { message: 'the message is over' })
      t.equal(body.read, before)
      t.same(readdirSync(directory), [])
    }
  },
)

t.test('every call for a copy that cannot be made, or was removed, rejects', async (t) => {
  const directory = t.testdir()
  const none = { directory: `${directory}/none`, sharedDirectory: undefined }
  const missing = createNamedCopy(none, bodyOf(1).chunks)
  for (let piece = 0; piece < 2; piece++) {
    await t.rejects(missing.path(Buffer.from('')), /none \(TMPDIR\)/)
  }
  const policy = { directory, sharedDirectory: undefined }
  const removed = createNamedCopy(policy, bodyOf(1).chunks)
  await removed.path(Buffer.from(''))
  removed.removeNamedFile()
  await t.rejects(removed.path(Buffer.from('')), { message: 'the message is over' })
  t.same(readdirSync(directory), [])
})
