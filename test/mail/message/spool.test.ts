import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { faultKindOf } from '../../../src/base/errors/fault.ts'
import {
  diskFault,
  piecesOfFile,
  readSpoolSettings,
  writeAll,
  writeInTurns,
} from '../../../src/mail/message/spool.ts'
import { lacks } from '../../needs.mjs'

/** Where messages are kept, and how their files are written and read. */

t.test('SPOOLDIR is used if no other user may replace a file', async (t) => {
  const TMPDIR = t.testdir()
  const SPOOLDIR = join(TMPDIR, 'spool')
  mkdirSync(SPOOLDIR)
  for (const [mode, isUsed] of [
    [0o700, true],
    [0o750, true],
    [0o755, true],
    [0o1777, true],
    [0o777, false],
    [0o770, false],
  ] as const) {
    chmodSync(SPOOLDIR, mode)
    const octal = `0${mode.toString(8)}`
    const remark = `SPOOLDIR ${SPOOLDIR}: not used, mode ${octal} lets others replace files; run chmod +t on it`
    t.same(
      readSpoolSettings({ TMPDIR, SPOOLDIR }),
      isUsed
        ? { directory: TMPDIR, sharedDirectory: SPOOLDIR }
        : { directory: TMPDIR, sharedDirectory: undefined, remark },
      octal,
    )
  }
})

t.test('directories that are not set, not there or not absolute', async (t) => {
  const TMPDIR = t.testdir()
  const missing = join(TMPDIR, 'missing')
  const unset = { directory: TMPDIR, sharedDirectory: undefined }
  t.same(readSpoolSettings({ TMPDIR }), unset)
  t.same(readSpoolSettings({ TMPDIR, SPOOLDIR: '' }), unset)
  // The error of the file that is made there states what it cannot be used for.
  t.same(readSpoolSettings({ TMPDIR, SPOOLDIR: missing }), { ...unset, sharedDirectory: missing })
  t.throws(() => readSpoolSettings({ TMPDIR, SPOOLDIR: 'spool' }), {
    kind: 'config',
    message: 'SPOOLDIR="spool": must be an absolute path',
  })
})

t.test('links that other users could have made are ignored', { skip: lacks('root') }, async (t) => {
  const TMPDIR = t.testdir({ real: {}, theirs: { link: t.fixture('symlink', '../real') } })
  chownSync(join(TMPDIR, 'theirs'), 54_321, 54_321)
  const link = join(TMPDIR, 'theirs/link')
  const { sharedDirectory, remark } = readSpoolSettings({ TMPDIR, SPOOLDIR: link })
  t.equal(sharedDirectory, undefined)
  t.match(remark, /^SPOOLDIR .*: not used, .* is a link that user 54321/)
  t.throws(() => readSpoolSettings({ TMPDIR: link }), {
    kind: 'config',
    message: /^TMPDIR .* is a link that user 54321/,
  })
})

/** A file for reading and writing, which is closed with the test. */
function openFile(t: Test, content = ''): { path: string; fd: number } {
  const path = join(t.testdir({ file: content }), 'file')
  const fd = openSync(path, 'r+')
  t.teardown(() => closeSync(fd))
  return { path, fd }
}

t.test('a file is read in pieces of limited size, in the given range', async (t) => {
  const { fd } = openFile(t, '0123456789')
  const read = (from: number, to: number, most: number) =>
    Array.from(piecesOfFile(fd, from, to, most), String)
  t.same(read(0, 10, 4), ['0123', '4567', '89'])
  t.same(read(3, 8, 100), ['34567'])
  t.same(read(3, 3, 4), [])
  t.same(read(5, 2, 4), [])
  t.throws(() => read(8, 12, 4), {
    kind: 'read',
    message: 'a spool file became shorter while it was read',
  })
})

t.test('other work has a turn after each MiB that is written, and may end it', async (t) => {
  const { fd, path } = openFile(t)
  const half = 512 * 1024
  const chunks = ['a', 'b', 'c', 'd', 'e'].map((letter) => Buffer.alloc(half, letter))
  let turns = 0
  let asked = 0
  function* counted() {
    for (const chunk of chunks) {
      asked++
      yield chunk
    }
  }
  await writeInTurns(fd, counted(), path, () => ++turns > 2)
  t.equal(turns, 2)
  t.ok(readFileSync(path).equals(Buffer.concat(chunks)))

  asked = 0
  await t.rejects(
    writeInTurns(fd, counted(), path, () => true),
    /the message has ended/,
  )
  t.equal(asked, 2, 'and nothing more is asked for')
  await writeInTurns(fd, counted(), path)
  t.equal(asked, 7, 'if nobody can end it, all is written')
})

t.test('a fault distinguishes a full disk from an unusable directory', async (t) => {
  for (const [code, kind] of [
    ['ENOSPC', 'write'],
    ['EDQUOT', 'write'],
    ['EFBIG', 'write'],
    ['EIO', 'write'],
    ['EACCES', 'temp-file'],
    ['', 'temp-file'],
  ] as const) {
    const fault = diskFault('cannot spool', Object.assign(new Error('because'), { code }))
    t.equal(faultKindOf(fault), kind, code)
    t.match(fault.message, /^cannot spool: /)
  }
  const { path } = openFile(t)
  const readOnly = openSync(path, 'r')
  t.teardown(() => closeSync(readOnly))
  const write = () => writeAll(readOnly, Buffer.from('x'), 0, '/spool')
  t.throws(write, /^cannot write the spool file in \/spool: /)
})
