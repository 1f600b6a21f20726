import { existsSync, mkdirSync, readdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sweepQuarantine } from '../../src/quarantine/sweep.ts'
import { readQuarantine } from '../cases/kept.ts'
import { keepOne, makeQuarantine } from './kept.ts'

/** The sweep of a quarantine. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
const now = Date.parse('2026-11-21T12:00:00Z')
const none = { age: 0, messages: 0, bytes: 0 }

async function idsIn(directory: string): Promise<string[]> {
  return (await readQuarantine(directory)).map(({ record }) => record.id)
}

t.test('the sweep removes no message if there are no limits', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, 0)
  t.same(await sweepQuarantine(directory, none, now), { messages: 1, bytes: 4113, removed: 0 })
  t.same(await idsIn(directory), [id])
})

t.test('the sweep removes messages that are too old, and folders that are empty', async (t) => {
  const directory = makeQuarantine(t)
  await keepOne(directory, now - 31 * DAY)
  await keepOne(directory, now - 30 * DAY - 1000, { grounds: 'banned' })
  const young = await keepOne(directory, now - 30 * DAY + 1000)
  t.match(await sweepQuarantine(directory, { ...none, age: 30 }, now), { messages: 1, removed: 2 })
  t.same(await idsIn(directory), [young])
  t.notOk(existsSync(join(directory, 'virus/.2026-10-21')))
})

t.test(
  'the sweep removes the oldest messages of all grounds until number and bytes are within the limits',
  async (t) => {
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
  },
)

t.test(
  'the sweep removes what a killed process left after 36 hours, and nothing that is being written',
  async (t) => {
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
  },
)

t.test(
  'the sweep keeps a message whose release is under way, or was killed, as long as others',
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

t.test('the sweep leaves files and directories of others alone', async (t) => {
  const directory = makeQuarantine(t)
  await keepOne(directory, now - 40 * DAY)
  const folder = join(directory, 'virus/.2026-10-12')
  writeFileSync(join(folder, 'new/notes'), '')
  mkdirSync(join(directory, 'Elsewhere'))
  await sweepQuarantine(directory, { ...none, age: 1 }, now)
  t.same(readdirSync(join(folder, 'new')), ['notes'])
  t.ok(existsSync(join(directory, 'Elsewhere')))
})

t.test('the sweep gives other work turns, and ends at the signal', async (t) => {
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
