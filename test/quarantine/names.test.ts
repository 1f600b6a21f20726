import t from 'tap'
import {
  byAge,
  makeId,
  nameOfEntry,
  RANDOM_BYTES,
  readEntryName,
} from '../../src/quarantine/names.ts'

/** Names of messages in quarantine: who came first stands first, within a second and a millisecond, too. */

const entryOf = (id: string) => readEntryName(nameOfEntry(id, 1))!
/** The later one has the smaller random part: nothing but its place can put it behind. */
const random = (count: number) => Buffer.alloc(RANDOM_BYTES, 255 - (count % 256))

t.test('by their ids messages are in the order of their coming', async (t) => {
  const start = Date.parse('2026-11-21T12:00:00.990Z')
  const ids: string[] = []
  for (let count = 0; count < 3000; count++) {
    ids.push(makeId(start + Math.floor(count / 150), random(count)))
  }
  t.equal(new Set(ids).size, ids.length)
  const shuffled = ids
    .map(entryOf)
    .sort((name, other) => (name.id.at(-1)! < other.id.at(-1)! ? 1 : -1))
  t.same(
    shuffled.sort(byAge).map(({ id }) => id),
    ids,
  )
  t.equal(entryOf(ids.at(-1)!).seconds, Math.floor(start / 1000) + 1)
})

t.test('more in a millisecond than it has places, and a clock that is set back', async (t) => {
  const now = 1_800_000_000_999
  const ids = Array.from({ length: 1100 }, (_, count) => makeId(now, random(count)))
  for (const id of ids) t.match(id, /^1800000000\.[0-9a-f]{16}$/)
  t.equal(
    entryOf(makeId(now - 3_600_000, random(0))).seconds,
    1_799_996_400,
    'its time is that of the clock',
  )
})
