import fc from 'fast-check'
import t from 'tap'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { RecipientList } from '../../../src/scanner/handling/recipients/recipient-list.ts'

const PATHS_MAX = 4 * 1024 * 1024

/** How recipients are kept until their message comes. */

const GENEROUS = 1024 ** 3
const noRoom = /no memory for another \d+ bytes/

t.test('paths of any length and number come back as they were added', async (t) => {
  const path = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat(200_000).map((length) => new Uint8Array(length).fill(0x61)),
  )
  fc.assert(
    fc.property(fc.array(path, { maxLength: 100 }), (given) => {
      const budget = new Budget(GENEROUS)
      const list = new RecipientList(budget.open())
      const paths = given.map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)))
      const taken: Buffer[] = []
      for (const path of paths) {
        if (taken.reduce((sum, { length }) => sum + length, path.length) > PATHS_MAX) break
        list.add(path)
        taken.push(path)
        if (path.length % 5 > 0) continue
        list.removeLast() // the next server has refused it
        taken.pop()
      }
      const kept = list.paths()
      t.equal(list.count, taken.length)
      t.ok(kept.length === taken.length && kept.every((bytes, i) => bytes.equals(taken[i]!)))
      list.free()
      t.equal(budget.used, 0)
      t.same([list.paths(), list.count], [[], 0])
    }),
    { numRuns: 200 },
  )
})

t.test('paths are charged before they are kept, and take no more memory than that', async (t) => {
  const budget = new Budget(100_000)
  const [bytes, other] = [new RecipientList(budget.open()), new RecipientList(budget.open())]
  let count = 0
  t.throws(() => {
  for (;;) {
    bytes.add(Buffer.alloc(99, 'x'))
    count++
  }
  }, noRoom) // biome-ignore format: the loop is what throws
  t.ok(count > 500 && count <= 1000, `${count} of 100 bytes`)
  t.throws(() => bytes.paths(), noRoom, 'judging takes more than that')
  t.throws(() => other.add(Buffer.alloc(60_000)), noRoom)
  bytes.free()
  other.add(Buffer.alloc(60_000, 'x'))
  other.free()
  t.equal(budget.used, 0)
})

t.test('the paths of one message are bounded, whatever the budget', async (t) => {
  const list = new RecipientList(new Budget(GENEROUS).open())
  list.add(Buffer.alloc(PATHS_MAX, 'x'))
  t.throws(() => list.add(Buffer.from('x')), {
    message: /the recipients' addresses exceed 4194304 bytes/,
  })
})
