import { tmpdir } from 'node:os'
import t from 'tap'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { MemoryPool } from '../../../../src/mail/mime/storage/memory-pool.ts'
import { Store } from '../../../../src/mail/mime/storage/store.ts'

const MEMORY_MAX = 3 * 1024 * 1024

const PIECE = Buffer.alloc(16 * 1024, 'a piece of a content ')

/** Makes a store that expects this many bytes, and counts the files that it opens. */
function storeFor(expected: number) {
  let files = 0
  const pool = new MemoryPool(() => {
    files++
    return openAnonymousFile(tmpdir())
  }, 0)
  const store = new Store(pool, expected)
  return { store, pool, contents: () => store.finish(), files: () => files }
}

t.test('a part that memory has room for needs no file', async (t) => {
  const { store, files, contents } = storeFor(MEMORY_MAX)
  t.teardown(() => store.close())
  store.putAll(PIECE)
  t.equal(files(), 0)
  t.ok(contents().equals(PIECE))
})

t.test('a part that memory has no room for is in its file from the beginning', async (t) => {
  const { store, pool, files, contents } = storeFor(MEMORY_MAX + 1)
  t.teardown(() => store.close())
  store.putAll(PIECE)
  t.equal(files(), 1)
  t.ok(pool.used <= 64 * 1024)
  t.ok(contents().equals(PIECE))
})

t.test('a part that becomes larger than expected goes on in a file', async (t) => {
  const { store, pool, files, contents } = storeFor(0)
  t.teardown(() => store.close())
  const pieces = Array.from({ length: MEMORY_MAX / PIECE.length + 1 }, () => PIECE)
  for (const piece of pieces) store.putAll(piece)
  t.equal(files(), 1)
  t.ok(pool.used <= 64 * 1024)
  t.ok(contents().equals(Buffer.concat(pieces)))
})

t.test('a few bytes need no file, however many were expected', async (t) => {
  const { store, files, contents } = storeFor(2 * MEMORY_MAX)
  t.teardown(() => store.close())
  store.putAll(PIECE, 0, 1000)
  t.equal(files(), 0)
  t.ok(contents().equals(PIECE.subarray(0, 1000)))
})

t.test('the last bytes are taken back, and a byte is put in front of them', async (t) => {
  for (const size of [0, 255, 256, 64 * 1024, MEMORY_MAX, MEMORY_MAX + 64 * 1024]) {
    const { store, contents } = storeFor(0)
    store.putAll(Buffer.alloc(size, 'x'))
    for (const byte of Buffer.from('abcdef')) store.put(byte)
    store.takeBack(2)
    store.insert(0x31, 3)
    t.equal(store.size, size + 5)
    t.equal(contents().toString('latin1', size), 'a1bcd', `behind ${size} bytes`)
    store.close()
  }
})
