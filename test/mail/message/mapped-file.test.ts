import '../../needs-addon.ts'
import { closeSync, ftruncateSync, readFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { nextTurn } from '../../../src/base/flow/event-loop.ts'
import { MappedFile } from '../../../src/mail/message/mapped-file.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { until } from '../../run/until.ts'

const text = Buffer.alloc(300_000, 'a line of a message\n')

/** Returns the descriptor of a file of the text. */
function fileOf(t: Test): number {
  const fd = openAnonymousFile(tmpdir())
  t.teardown(() => closeSync(fd))
  writeSync(fd, text)
  return fd
}

const mappings = () => readFileSync('/proc/self/maps', 'latin1').match(/\(deleted\)/g)?.length ?? 0

t.test('the bytes of a file are mapped until it is closed', async (t) => {
  const before = mappings()
  const file = new MappedFile(fileOf(t), text.length)
  t.ok(file.bytes.equals(text))
  t.equal(mappings(), before + 1)
  const part = file.bytes.subarray(100, 200)
  file.close()
  t.same([file.bytes.length, part.length], [0, 0], 'a part that was kept is empty')
  await nextTurn()
  await until(() => mappings() === before, 'the file is unmapped')
})

t.test('a file has as many bytes as are mapped, or none are', async (t) => {
  const fd = fileOf(t)
  t.throws(() => new MappedFile(fd, text.length + 1), { name: 'Fault', kind: 'read' })
  ftruncateSync(fd, 10)
  t.throws(() => new MappedFile(fd, text.length), { name: 'Fault', kind: 'read' })
  t.equal(new MappedFile(fd, 0).bytes.length, 0)
})
