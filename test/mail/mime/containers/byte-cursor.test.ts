import t from 'tap'
import type { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Work } from '../../../../src/mail/mime/budget/work.ts'
import { ByteCursor } from '../../../../src/mail/mime/containers/byte-cursor.ts'
import { Store } from '../../../../src/mail/mime/storage/store.ts'
import { ReadBy } from '../../message/bytes.ts'

/** A source of ten digits, which come four at a time, and the places from which it was read. */
function digits(): { readonly source: Bytes; readonly readFrom: readonly number[] } {
  const bytes = Buffer.from('0123456789')
  const readFrom: number[] = []
  const source = new ReadBy(bytes.length, function* (from, to) {
    readFrom.push(from)
    for (let at = from; at < to; at += 4) yield bytes.subarray(at, Math.min(to, at + 4))
  })
  return { source, readFrom }
}

t.test('a source is read byte by byte up to its end', async (t) => {
  const cursor = new ByteCursor(digits().source)
  let text = ''
  for (let left = 10; left > 0; left--) {
    t.equal(cursor.left, left)
    text += String.fromCharCode(cursor.byte())
  }
  t.equal(text, '0123456789')
  t.equal(cursor.byte(), -1)
  t.equal(cursor.at, 10)
})

t.test('bytes are skipped, and read from the source again only after its chunk', async (t) => {
  for (const [skipped, from] of [
    [2, [0]],
    [3, [0]],
    [4, [0, 5]],
    [8, [0, 9]],
  ] as const) {
    const { source, readFrom } = digits()
    const cursor = new ByteCursor(source)
    cursor.byte()
    cursor.skip(skipped)
    t.equal(cursor.at, 1 + skipped)
    t.equal(String.fromCharCode(cursor.byte()), `${1 + skipped}`)
    t.same(readFrom, from, `${skipped} bytes`)
  }
  const cursor = new ByteCursor(digits().source)
  cursor.skip(100)
  t.equal(cursor.at, 10)
  t.equal(cursor.byte(), -1)
})

t.test('bytes are copied, and counted', async (t) => {
  const { source } = digits()
  const work = new Work(source, { openFile: () => -1 })
  const copied = (bytes: number, cursor: ByteCursor) => {
    const store = new Store(work.pool)
    for (const _ of cursor.copy(bytes, store, work));
    const text = store.finish().toString()
    store.close()
    return text
  }
  const cursor = new ByteCursor(source)
  cursor.byte()
  work.budget.bytes = 9
  t.equal(copied(6, cursor), '123456')
  t.equal(cursor.at, 7)
  t.equal(work.budget.bytes, 3)
  t.equal(copied(100, cursor), '789')
  t.throws(() => copied(1, new ByteCursor(source)), { message: 'too many bytes of content' })
})
