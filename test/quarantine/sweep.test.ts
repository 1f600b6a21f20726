import { existsSync, mkdirSync, readdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sweepQuarantine } from '../../src/quarantine/sweep.ts'
import { readQuarantine } from '../cases/kept.ts'
import { keepOne, makeQuarantine } from './kept.ts'

/** What the sweep of a quarantine removes, and what it leaves alone. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
const now = Date.parse('2026-11-21T12:00:00Z')
const none = { age: 0, messages: 0, bytes: 0 }

async function idsIn(directory: string): Promise<string[]> {
  return (await readQuarantine(directory)).map(({ record }) => record.id)
}

t.test('without limits nothing goes', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, 0)
  t.same(await sweepQuarantine(directory, none, now), { messages: 1, bytes: 4113, removed: 0 })
  t.same(await idsIn(directory), [id])
})

t.test('what is too old goes, and its empty folders; what is younger stays', async (t) => {
  const directory = makeQuarantine(t)
  await keepOne(directory, now - 31 * DAY)
  await keepOne(directory, now - 30 * DAY - 1000, { grounds: 'banned' })
  const young = await keepOne(directory, now - 30 * DAY + 1000)
  t.match(await sweepQuarantine(directory, { ...none, age: 30 }, now), { messages: 1, removed: 2 })
  t.same(await idsIn(directory), [young])
  t.notOk(existsSync(join(directory, 'virus/.2026-10-21')))
})

t.test('of all grounds together the oldest go, until number and bytes fit', async (t) => {
  const directory = makeQuarantine(t)
  const ids: string[] = []
  for (let i = 0; i < 10; i++) {
    const grounds = i % 2 === 0 ? 'virus' : 'banned'
    ids.push(await keepOne(directory, now - (20 - i) * 7 * HOUR, { grounds }))
  }
  await sweepQuarantine(directory, { ...none, messages: 6 }, now)
  t.equal((await idsIn(directory)).length, 6)
  t.notOk((await idsIn(directory)).includes(ids[0]!))
  t.ok((await idsIn(directory)).includes(ids[9]!))
  await sweepQuarantine(directory, { ...none, bytes: 2 * 4113 + 1 }, now)
  t.same(await idsIn(directory), ids.slice(8))
})

t.test('what a killed process left goes after 36 hours, what is being written stays', async (t) => {
  const directory = makeQuarantine(t)
  await keepOne(directory, now)
  const tmp = join(directory, 'virus/.2026-11-21/tmp')
  for (const [name, age] of [
    ['old', 37],
    ['new', 35],
  ] as const) {
    writeFileSync(join(tmp, name), '')
    utimesSync(join(tmp, name), new Date(now - age * HOUR), new Date(now - age * HOUR))
  }
  await sweepQuarantine(directory, none, now)
  t.same(readdirSync(tmp), ['new'])
})

t.test(
  'a message that is being released, or was when that was killed, stays as long as others',
  async (t) => {
    const directory = makeQuarantine(t)
    const kept = now - 5 * DAY
    const id = await keepOne(directory, kept)
    const folder = join(directory, 'virus/.2026-11-16')
    const taken = join(folder, `tmp/${id},S=17:2,.releasing-1`)
    renameSync(join(folder, `new/${id},S=17`), taken)
    utimesSync(taken, new Date(kept), new Date(kept))
    await sweepQuarantine(directory, { ...none, age: 6 }, now)
    t.ok(existsSync(taken))
    await sweepQuarantine(directory, { ...none, age: 6 }, Date.now() + 10 * 365 * DAY)
    t.notOk(existsSync(taken), 'in the end it is too old')
  },
)

t.test('files and directories that are none of ours stay', async (t) => {
  const directory = makeQuarantine(t)
  await keepOne(directory, now - 40 * DAY)
  const folder = join(directory, 'virus/.2026-10-12')
  writeFileSync(join(folder, 'new/notes'), '')
  mkdirSync(join(directory, 'Elsewhere'))
  await sweepQuarantine(directory, { ...none, age: 1 }, now)
  t.same(readdirSync(join(folder, 'new')), ['notes'])
  t.ok(existsSync(join(directory, 'Elsewhere')))
})

t.test('it gives way while it works, and ends at the signal', async (t) => {
  const directory = makeQuarantine(t)
  await keepOne(directory, now)
  const folder = join(directory, 'virus/.2026-11-21/new')
  for (let i = 0; i < 1000; i++) {
    writeFileSync(join(folder, `1.${String(i).padStart(16, '0')},S=5`), '')
  }
  let turns = 0
  const turning = setInterval(() => turns++, 0)
  const swept = await sweepQuarantine(directory, { ...none, age: 1 }, now)
  clearInterval(turning)
  t.equal(swept.removed, 1000)
  t.ok(turns > 3, 'others had their turn')
  const over = new AbortController()
  over.abort()
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, `x${i}`), '')
  await t.rejects(sweepQuarantine(directory, none, now, over.signal), { name: 'AbortError' })
})
