import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Fault } from '../../../src/base/errors/fault.ts'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { NamedCopy, removeNamedFiles, withNamedCopy } from '../../../src/mail/message/named-copy.ts'
import type { SpoolSettings } from '../../../src/mail/message/spool.ts'

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

function copyIn(spool: Partial<SpoolSettings>): NamedCopy {
  const settings = { directory: tmpdir(), sharedDirectory: undefined, ...spool }
  return new NamedCopy(Bytes.of(Buffer.from('A: b\n\nbody')), settings)
}

t.test('the copy of a large message gives other work turns', async (t) => {
  const directory = t.testdir()
  const pieces = 32
  const body = new BodyOf(pieces)
  const settings = { directory, sharedDirectory: undefined }
  const copy = new NamedCopy(Bytes.of(Buffer.from('top\n'), body), settings)
  const readAtTurns: number[] = []
  let isOver = false
  const others = () => {
    readAtTurns.push(body.read)
    if (!isOver) setImmediate(others)
  }
  setImmediate(others)
  const making = copy.file()
  t.equal(await copy.file(), await making, 'who asks meanwhile gets the same one')
  isOver = true
  const turns = new Set(readAtTurns).size
  t.ok(turns >= (pieces * PIECE) / MEGABYTE - 1, `others had ${turns} turns`)
  const expected = Buffer.concat([Buffer.from('top\n'), new BodyOf(pieces).gather()])
  const { path } = await making
  t.ok(readFileSync(path).equals(expected))
  copy.remove()
  t.notOk(existsSync(path))
})

t.test('a copy that is removed while it is made stops, and leaves nothing', async (t) => {
  for (const shared of [true, false]) {
    const directory = t.testdir()
    const body = new BodyOf(32)
    const settings = { directory, sharedDirectory: shared ? directory : undefined }
    const copy = new NamedCopy(Bytes.of(Buffer.from('top\n'), body), settings)
    const making = copy.file()
    while (readdirSync(directory).length === 0) await wait(0)
    const before = body.read
    copy.remove()
    t.same(readdirSync(directory), [])
    await t.rejects(making, { message: 'the message has ended' })
    t.equal(body.read, before)
    t.same(readdirSync(directory), [])
    const early = new NamedCopy(body, settings)
    const never = early.file()
    early.remove()
    await t.rejects(never, { message: 'the message has ended' })
    t.same(readdirSync(directory), [])
  }
})

t.test('every call for a copy that cannot be made, or was removed, rejects', async (t) => {
  const directory = t.testdir()
  const none = { directory: `${directory}/none`, sharedDirectory: undefined }
  const missing = new NamedCopy(new BodyOf(1), none)
  for (let call = 0; call < 2; call++) await t.rejects(missing.file(), /none \(TMPDIR\)/)
  const settings = { directory, sharedDirectory: undefined }
  const removed = new NamedCopy(new BodyOf(1), settings)
  await removed.file()
  removed.remove()
  removed.remove()
  await t.rejects(removed.file(), { message: 'the message has ended' })
  t.same(readdirSync(directory), [])
})

t.test('a copy exists while it is used, and leaves nothing behind', async (t) => {
  const directory = t.testdir()
  for (const sharedDirectory of [directory, undefined]) {
    const settings = { directory, sharedDirectory }
    const text = await withNamedCopy(Bytes.of(Buffer.from('top')), settings, async (file) =>
      readFileSync((await file()).path, 'latin1'),
    )
    t.equal(text, 'top')
    t.same(readdirSync(directory), [])
    const broken = Bytes.of(Buffer.from('top'), new BodyOf(1).slice(0, 9))
    const used = withNamedCopy(broken, settings, (file) => file())
    await t.rejects(used, /bytes more/)
    t.same(readdirSync(directory), [])
  }
  const settings = { directory, sharedDirectory: directory }
  const moved = withNamedCopy(new BodyOf(1), settings, async (file) => {
    const made = await file()
    unlinkSync(made.path)
    made.confirm()
  })
  await t.rejects(moved, { kind: 'read', message: /was changed while it was scanned/ })
})

// promise: spool, rule-2-move
t.test('a file for scanners is private if there is no SPOOLDIR', async (t) => {
  const directory = t.testdir()
  const copy = copyIn({ directory })
  const { path } = await copy.file()
  t.equal((await copy.file()).path, path, 'there is one')
  t.equal(readFileSync(path, 'latin1'), 'A: b\n\nbody')
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  t.equal(statSync(path).mode & 0o777, 0o600)
  copy.remove()
  t.same(readdirSync(directory), [])
})

t.test('a file in SPOOLDIR is readable by its group, whatever the umask', async (t) => {
  const sharedDirectory = t.testdir()
  const before = process.umask(0o077)
  const copy = copyIn({ sharedDirectory })
  const { path } = await copy.file()
  process.umask(before)
  t.equal(statSync(path).mode & 0o777, 0o640)
  copy.remove()
  t.same(readdirSync(sharedDirectory), [])
})

t.test('removing a copy leaves nothing, even if a scanner has written to its file', async (t) => {
  const sharedDirectory = t.testdir()
  const copy = copyIn({ sharedDirectory })
  writeFileSync((await copy.file()).path, '')
  copy.remove()
  t.same(readdirSync(sharedDirectory), [])
  t.equal(existsSync(sharedDirectory), true)
})

t.test('a process that ends removes the files of all copies', async (t) => {
  const place = t.testdir({ own: {}, shared: {} })
  const [directory, sharedDirectory] = [join(place, 'own'), join(place, 'shared')]
  await Promise.all([copyIn({ directory }).file(), copyIn({ sharedDirectory }).file()])
  removeNamedFiles()
  t.same([...readdirSync(directory), ...readdirSync(sharedDirectory)], [])
})

t.test('a directory that cannot be used is a temporary error that names it', async (t) => {
  const missing = join(t.testdir(), 'missing')
  const faultOf = (spool: Partial<SpoolSettings>) =>
    copyIn(spool)
      .file()
      .catch((error: Fault) => `${error.kind} ${error.message}`)
  t.match(await faultOf({ directory: missing }), /^temp-file .*missing \(TMPDIR\)/)
  t.match(await faultOf({ sharedDirectory: missing }), /^temp-file .*missing \(SPOOLDIR\)/)
})

t.test('a file that was replaced during the scan is not confirmed', async (t) => {
  const attacks: Record<string, (path: string) => void> = {
    'another one in its place': (path) => {
      writeFileSync(`${path}-clean`, 'clean')
      renameSync(`${path}-clean`, path)
    },
    'another one, and the first one again': (path) => {
      renameSync(path, `${path}-away`)
      writeFileSync(path, 'clean')
      renameSync(`${path}-away`, path)
    },
    'another content': (path) => writeFileSync(path, 'clean'),
    'a second name': (path) => linkSync(path, `${path}-2`),
    nothing: (path) => rmSync(path),
  }
  const sharedDirectory = t.testdir()
  for (const [what, attack] of Object.entries(attacks)) {
    const copy = copyIn({ sharedDirectory })
    const file = await copy.file()
    await untilLater(t.testdirName)
    file.confirm()
    attack(file.path)
    t.throws(() => file.confirm(), /was changed while/, what)
    copy.remove()
  }
})

/** Until the clock that file systems take their times from has gone on. */
async function untilLater(directory: string): Promise<void> {
  const probe = join(directory, 'probe')
  const now = () => {
    writeFileSync(probe, '')
    return statSync(probe, { bigint: true }).ctimeNs
  }
  for (const start = now(); now() === start; ) await new Promise(setImmediate)
}
