import { openSync } from 'node:fs'
import t from 'tap'
import { budgetOf } from '../../../../src/mail/mime/budget/limits.ts'
import { MemoryPool } from '../../../../src/mail/mime/storage/memory-pool.ts'
import { Store } from '../../../../src/mail/mime/storage/store.ts'
import { createRandom } from '../../../run/random.ts'

const DISK_MAX = 1024 * 1024 * 1024
const MIB = 1024 * 1024
const NO_ROOM = /^no room for \d+ bytes of decoded content$/

/** The pool of a message of this size. */
const poolOf = (size: number) => new MemoryPool(() => -1, size)

/** Takes room by mebibytes until there is none, at most so much. Returns how much that is. */
function takeAll(pool: MemoryPool, most = DISK_MAX / MIB): number {
  let taken = 0
  try {
    for (; taken < most; taken++) pool.takeOnDisk(MIB)
  } catch (error) {
    t.match(error, { kind: 'temp-file', message: NO_ROOM })
  }
  return taken
}

t.test('a message by itself has room for all that may be decoded of it', async (t) => {
  const pool = poolOf(MIB)
  const taken = takeAll(pool)
  t.ok(taken >= budgetOf(MIB).bytes / MIB && taken < 550, `${taken} MiB`)
  pool.giveBackOnDisk(taken * MIB)
})

t.test('many that become many times their size leave room for all others', async (t) => {
  const greedy = Array.from({ length: 50 }, () => poolOf(MIB))
  const taken = greedy.map((pool) => takeAll(pool, 60))
  const all = taken.reduce((sum, own) => sum + own)
  t.ok(all > 500, `${all} MiB in all`)
  t.ok(taken.at(-1)! < taken[0]!, 'who comes later gets less')

  const photos = Array.from({ length: 20 }, () => poolOf(7 * MIB))
  for (const photo of photos) t.equal(takeAll(photo, 10), 10, 'who takes little more gets it')
  for (const photo of photos) photo.giveBackOnDisk(10 * MIB)

  for (const [index, pool] of greedy.entries()) pool.giveBackOnDisk(taken[index]! * MIB)
  const last = poolOf(DISK_MAX)
  t.equal(takeAll(last), DISK_MAX / MIB, 'all is given back')
  last.giveBackOnDisk(DISK_MAX)
})

t.test('a request without room takes none, and released room is available again', async (t) => {
  const random = createRandom(5)
  const pools = Array.from({ length: 20 }, () => ({
    pool: poolOf(random.below(90) * MIB),
    taken: 0,
  }))
  for (let count = 0; count < 3000; count++) {
    const one = random.pick(pools)
    const bytes = random.below(40) * MIB
    if (random.once(2)) {
      const back = Math.min(bytes, one.taken)
      one.pool.giveBackOnDisk(back)
      one.taken -= back
      continue
    }
    try {
      one.pool.takeOnDisk(bytes)
      one.taken += bytes
    } catch {
      t.ok(one.taken + bytes > 0)
    }
    const all = pools.reduce((sum, { taken }) => sum + taken, 0)
    if (all > DISK_MAX) t.fail(`${all} bytes`)
  }
  for (const { pool, taken } of pools) pool.giveBackOnDisk(taken)
})

t.test('the files of a store take room, and give it back', async (t) => {
  // Bytes that are written there take no room.
  const pool = new MemoryPool(() => openSync('/dev/null', 'r+'), 0)
  const block = Buffer.alloc(MIB)
  for (let count = 0; count < 3; count++) {
    const store = new Store(pool, DISK_MAX)
    let size = 0
    t.throws(
      () => {
        for (; size <= DISK_MAX; size += MIB) store.putAll(block)
      },
      { message: NO_ROOM },
    )
    t.ok(size >= DISK_MAX / 3, `${size} bytes`)
    store.close()
  }
})
