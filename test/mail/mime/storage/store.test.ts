import { tmpdir } from 'node:os'
import t from 'tap'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { MemoryPool, Store } from '../../../../src/mail/mime/storage/store.ts'

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
  const contents = () => {
    const copies: Buffer[] = []
    for (const chunk of store.chunks()) copies.push(Buffer.from(chunk))
    return Buffer.concat(copies)
  }
  return { store, pool, contents, files: () => files }
}

t.test('a part that memory has room for needs no file', async (t) => {
  const { store, files, contents } = storeFor(MEMORY_MAX)
  t.teardown(() => store.close())
  store.append(PIECE)
  t.equal(files(), 0)
  t.ok(contents().equals(PIECE))
})

t.test('a part that memory has no room for is in its file from the beginning', async (t) => {
  const { store, pool, files, contents } = storeFor(MEMORY_MAX + 1)
  t.teardown(() => store.close())
  store.append(PIECE)
  t.equal(files(), 1)
  t.equal(pool.used, 0)
  t.ok(contents().equals(PIECE))
})

t.test('a part that becomes larger than expected goes on in a file', async (t) => {
  const { store, pool, files, contents } = storeFor(0)
  t.teardown(() => store.close())
  const pieces = Array.from({ length: MEMORY_MAX / PIECE.length + 1 }, () => PIECE)
  for (const piece of pieces) store.append(piece)
  t.equal(files(), 1)
  t.equal(pool.used, 0)
  t.ok(contents().equals(Buffer.concat(pieces)))
})

t.test('a few bytes need no file, however many were expected', async (t) => {
  const { store, files, contents } = storeFor(2 * MEMORY_MAX)
  t.teardown(() => store.close())
  store.append(PIECE, 0, 1000)
  t.equal(files(), 0)
  t.ok(contents().equals(PIECE.subarray(0, 1000)))
})
