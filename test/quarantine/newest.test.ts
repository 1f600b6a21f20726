import { closeSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openQuarantine } from '../../src/quarantine/folders.ts'
import { newestEntries } from '../../src/quarantine/newest.ts'
import { beginRelease } from '../../src/quarantine/release.ts'
import { keepOne, makeQuarantine } from './kept.ts'

/** The list of the newest messages of a quarantine, however large it is. */

const HOUR = 3_600_000
const now = Date.parse('2026-11-21T12:00:00Z')

function open(t: Test, directory: string) {
  const root = openQuarantine(directory)
  t.teardown(() => closeSync(root.fd))
  return root
}

t.test(
  'the newest messages of all grounds and days come first, and no more than asked for',
  async (t) => {
    const directory = makeQuarantine(t)
    const ids: string[] = []
    for (let count = 0; count < 30; count++) {
      const grounds = count % 3 === 0 ? 'banned' : 'virus'
      ids.push(await keepOne(directory, now - (30 - count) * 5 * HOUR, { grounds }))
    }
    const root = open(t, directory)
    const idsOf = async (most: number) => (await newestEntries(root, most)).map(({ id }) => id)
    t.same(await idsOf(7), ids.slice(-7).reverse())
    t.same(await idsOf(100), [...ids].reverse())
    const release = await beginRelease(root, ids.at(-1)!, { again: false, isAlive: () => false })
    t.match(await newestEntries(root, 2), [
      { id: ids.at(-1), state: 'releasing' },
      { id: ids.at(-2) },
    ])
    await release.finish()
    t.same(await idsOf(2), ids.slice(-3, -1).reverse(), 'one that was released is not there')
  },
)

t.test(
  'older days are not looked into, and thousands of names give other work turns',
  async (t) => {
    const directory = makeQuarantine(t)
    await keepOne(directory, now)
    const old = await keepOne(directory, now - 48 * HOUR)
    const folder = join(directory, 'virus/.2026-11-21/new')
    for (let count = 0; count < 2000; count++) {
      writeFileSync(join(folder, `${now / 1000 - 2000 + count}.${'0'.repeat(16)},S=5`), '')
    }
    mkdirSync(join(folder, 'notes'))
    const root = open(t, directory)
    let turns = 0
    const turning = setInterval(() => turns++, 0)
    const found = await newestEntries(root, 50)
    clearInterval(turning)
    t.equal(found.length, 50)
    t.equal(found[1]?.seconds, now / 1000 - 1)
    t.ok(turns > 5, `others had ${turns} turns`)
    t.notOk(found.some(({ id }) => id === old))
    const over = new AbortController()
    over.abort()
    await t.rejects(newestEntries(root, 50, over.signal), { name: 'AbortError' })
  },
)
