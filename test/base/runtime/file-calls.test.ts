import { constants, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  closeFile,
  openFile,
  readFrom,
  statDescriptor,
  writeTo,
} from '../../../src/base/runtime/file-calls.ts'

t.test('a file is opened, written, read at a position, examined and closed', async (t) => {
  const path = join(t.testdir(), 'file')
  const fd = await openFile(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  t.equal(await writeTo(fd, Buffer.from('some bytes')), 10)
  const buffer = Buffer.alloc(8)
  t.equal(await readFrom(fd, buffer, 5), 5)
  t.equal(buffer.toString('latin1', 0, 5), 'bytes')
  t.equal(await readFrom(fd, buffer, 10), 0)
  const stats = await statDescriptor(fd)
  t.equal(stats.size, 10)
  t.equal(stats.mode & 0o777, 0o600)
  await closeFile(fd)
  t.equal(readFileSync(path, 'latin1'), 'some bytes')
})

t.test('the error of the system is passed on', async (t) => {
  await t.rejects(openFile(join(t.testdir(), 'none'), constants.O_RDONLY), { code: 'ENOENT' })
  await t.rejects(statDescriptor(1_000_000), { code: 'EBADF' })
  await t.rejects(closeFile(1_000_000), { code: 'EBADF' })
  await t.rejects(writeTo(1_000_000, Buffer.from('x')), { code: 'EBADF' })
  await t.rejects(readFrom(1_000_000, Buffer.alloc(1), 0), { code: 'EBADF' })
})
