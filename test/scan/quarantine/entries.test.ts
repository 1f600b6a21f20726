import t from 'tap'
import {
  byAge,
  makeId,
  nameOfEntry,
  RANDOM_BYTES,
  readEntryName,
} from '../../../src/scan/quarantine/entries.ts'

/** Names of messages in quarantine, which sort in the order in which messages came. */

const entryOf = (id: string) => readEntryName(nameOfEntry(id, 1))!
/** The later id has the smaller random part: only its place can put it behind. */
const random = (count: number) => Buffer.alloc(RANDOM_BYTES, 255 - (count % 256))

t.test('ids sort in the order in which messages came, within a millisecond, too', async (t) => {
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

t.test(
  'ids stay valid if a millisecond has too few places, and if the clock is set back',
  async (t) => {
    const now = 1_800_000_000_999
    const ids = Array.from({ length: 1100 }, (_, count) => makeId(now, random(count)))
    for (const id of ids) t.match(id, /^1800000000\.[0-9a-f]{16}$/)
    t.equal(
      entryOf(makeId(now - 3_600_000, random(0))).seconds,
      1_799_996_400,
      'its time is that of the clock',
    )
  },
)
