import { existsSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Fault } from '../../../src/ground/errors/fault.ts'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { messageOf } from '../../../src/mail/message/intake.ts'
import type { Message } from '../../../src/mail/message/message.ts'
import { NamedCopy, withNamedCopy } from '../../../src/mail/message/named-copy.ts'
import type { SpoolPolicy } from '../../../src/mail/message/spool.ts'

const MEGABYTE = 1024 * 1024
const PIECE = MEGABYTE / 4

/** A body of so many pieces, all in one memory, as the message's file is read. */
class BodyOf extends Bytes {
  read = 0
  readonly size: number

  constructor(pieces: number) {
    super()
    this.size = pieces * PIECE
  }

  *chunks(): Generator<Buffer> {
    const buffer = Buffer.alloc(PIECE)
    for (let piece = 0; piece < this.size / PIECE; piece++) {
      this.read++
      yield buffer.fill(piece)
    }
  }
}

const wholeOf = ({ header, body }: Message) => Bytes.of(header.bytes, body)

function messageWith(spool: Partial<SpoolPolicy>) {
  return messageOf(Buffer.from('A: b\n\nbody'), {
    spool: { directory: tmpdir(), sharedDirectory: undefined, ...spool },
  })
}

t.test('the copy of a large message gives other work turns', async (t) => {
  const directory = t.testdir()
  const pieces = 32
  const body = new BodyOf(pieces)
  const policy = { directory, sharedDirectory: undefined }
  const copy = new NamedCopy(policy)
  const bytes = Bytes.of(Buffer.from('top\n'), body)
  const readAtTurns: number[] = []
  let isOver = false
  const others = () => {
    readAtTurns.push(body.read)
    if (!isOver) setImmediate(others)
  }
  setImmediate(others)
  const path = copy.path(bytes)
  t.equal(await copy.path(bytes), await path, 'who asks meanwhile gets the same one')
  isOver = true
  const turns = new Set(readAtTurns).size
  t.ok(turns >= (pieces * PIECE) / MEGABYTE - 1, `others had ${turns} turns`)
  const expected = Buffer.concat([Buffer.from('top\n'), new BodyOf(pieces).gather()])
  t.ok(readFileSync(await path).equals(expected))
  copy.removeNamedFile()
  t.notOk(existsSync(await path))
})

t.test(
  'a copy that is removed while it is made reads no further, and leaves nothing',
  async (t) => {
    for (const shared of [true, false]) {
      const directory = t.testdir()
      const body = new BodyOf(32)
      const policy = { directory, sharedDirectory: shared ? directory : undefined }
      const copy = new NamedCopy(policy)
      const path = copy.path(Bytes.of(Buffer.from('top\n'), body))
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
  const missing = new NamedCopy(none)
  for (let piece = 0; piece < 2; piece++) {
    await t.rejects(missing.path(new BodyOf(1)), /none \(TMPDIR\)/)
  }
  const policy = { directory, sharedDirectory: undefined }
  const removed = new NamedCopy(policy)
  await removed.path(new BodyOf(1))
  removed.removeNamedFile()
  await t.rejects(removed.path(new BodyOf(1)), { message: 'the message is over' })
  t.same(readdirSync(directory), [])
})

t.test('a copy is there while it is used, and leaves nothing', async (t) => {
  const directory = t.testdir()
  for (const sharedDirectory of [directory, undefined]) {
    const policy = { directory, sharedDirectory }
    const text = await withNamedCopy(Bytes.of(Buffer.from('top')), policy, async (path) =>
      readFileSync(await path(), 'latin1'),
    )
    t.equal(text, 'top')
    t.same(readdirSync(directory), [])
    const broken = Bytes.of(Buffer.from('top'), new BodyOf(1).slice(0, 9))
    const used = withNamedCopy(broken, policy, (path) => path())
    await t.rejects(used, /bytes more/)
    t.same(readdirSync(directory), [])
  }
  const policy = { directory, sharedDirectory: directory }
  const moved = withNamedCopy(new BodyOf(1), policy, async (path) => unlinkSync(await path()))
  await t.rejects(moved, { kind: 'read', message: /was changed while it was scanned/ })
})

// promise: spool, rule-2-move
t.test('a file for scanners is private if there is no SPOOLDIR', async (t) => {
  const directory = t.testdir()
  const message = messageWith({ directory })
  const path = await message.path(wholeOf(message))
  t.equal(await message.path(wholeOf(message)), path, 'there is one')
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  t.equal(statSync(path).mode & 0o777, 0o600)
  message.removeNamedFile()
  t.same(readdirSync(directory), [])
  message.close()
})

t.test('a file in SPOOLDIR is readable by its group, whatever the umask', async (t) => {
  const sharedDirectory = t.testdir()
  const before = process.umask(0o077)
  const message = messageWith({ sharedDirectory })
  const path = await message.path(wholeOf(message))
  process.umask(before)
  t.equal(statSync(path).mode & 0o777, 0o640)
  message.close()
  t.same(readdirSync(sharedDirectory), [])
})

t.test('closing a message leaves nothing, even if a scanner took its file away', async (t) => {
  const sharedDirectory = t.testdir()
  const message = messageWith({ sharedDirectory })
  writeFileSync(await message.path(wholeOf(message)), '')
  message.close()
  t.same(readdirSync(sharedDirectory), [])
  t.equal(existsSync(sharedDirectory), true)
})

t.test('a directory that cannot be used is a temporary error that names it', async (t) => {
  const missing = join(t.testdir(), 'missing')
  const faultOf = (spool: Partial<SpoolPolicy>) => {
    const message = messageWith(spool)
    return message.path(wholeOf(message)).catch((error: Fault) => `${error.kind} ${error.message}`)
  }
  t.match(await faultOf({ directory: missing }), /^temp-file .*missing \(TMPDIR\)/)
  t.match(await faultOf({ sharedDirectory: missing }), /^temp-file .*missing \(SPOOLDIR\)/)
})
