import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sweepQuarantine } from '../../src/quarantine/sweep.ts'
import { readQuarantine } from '../cases/kept.ts'
import { onescan } from '../cli/onescan.ts'
import { keepOne, makeQuarantine } from './kept.ts'

/** The sweep of a quarantine. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
const now = Date.parse('2026-11-21T12:00:00Z')
const none = { age: 0, messages: 0, bytes: 0 }

/** Bytes of the file of a message, with the record above it. */
function bytesOf(directory: string, id: string): number {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return statSync(join(directory, names.find((name) => name.includes(`/${id},`))!)).size
}

async function idsIn(directory: string): Promise<string[]> {
  return (await readQuarantine(directory)).map(({ record }) => record.id)
}

t.test('the sweep removes no message if there are no limits', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, 0)
  t.same(await sweepQuarantine(directory, none, now), {
    messages: 1,
    bytes: bytesOf(directory, id),
    removed: 0,
  })
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
    const two = bytesOf(directory, ids[8]!) + bytesOf(directory, ids[9]!)
    await sweepQuarantine(directory, { ...none, bytes: two + 1 }, now)
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

t.test(
  'the sweep counts a record as it is: many recipients may be more than the mail',
  async (t) => {
    const directory = makeQuarantine(t)
    const recipients = Array.from({ length: 1000 }, (_, i) => `${'\xfc'.repeat(240)}${i}@x`)
    const ids = [
      await keepOne(directory, now - HOUR, { recipients }),
      await keepOne(directory, now, { recipients }),
    ]
    const size = bytesOf(directory, ids[0]!)
    t.ok(size > 1_000_000, `${size} bytes for a message of 17`)
    await sweepQuarantine(directory, { ...none, bytes: size + 1 }, now)
    t.same(await idsIn(directory), [ids[1]])
  },
)

t.test('on one day, too, the oldest go, whatever their grounds', async (t) => {
  const directory = makeQuarantine(t)
  const ids: string[] = []
  for (let i = 0; i < 8; i++) {
    ids.push(
      await keepOne(directory, now - (8 - i) * 1000, { grounds: ['virus', 'banned'][i % 2]! }),
    )
  }
  await sweepQuarantine(directory, { ...none, messages: 4 }, now)
  t.same((await idsIn(directory)).sort(), ids.slice(4))
})

t.test('what is not of this account stops neither the sweep nor the list', async (t) => {
  const directory = makeQuarantine(t)
  const old = await keepOne(directory, now - 40 * DAY)
  const young = await keepOne(directory, now)
  const bombs = ['[', '"x'].map((piece) => `X-Onescan-Quarantine: {"x":${piece.repeat(2 ** 24)}`)
  for (const bomb of bombs) {
    const id = await keepOne(directory, now)
    const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    writeFileSync(join(directory, names.find((name) => name.includes(id))!), bomb)
  }
  writeFileSync(join(directory, 'banned'), 'a file with the name of grounds')
  symlinkSync('/', join(directory, 'lists'))
  writeFileSync(join(directory, 'virus/.2026-11-20'), 'a file with the name of a day')
  mkdirSync(join(directory, 'virus/.2026-11-19'))
  symlinkSync('/', join(directory, 'virus/.2026-11-19/new'))
  await sweepQuarantine(directory, { ...none, age: 30 }, now)
  const { out, err } = await onescan(['quarantine', 'list', '--directory', directory])
  t.notMatch(out, old)
  t.equal(err.split('is not a message in quarantine: its record has more than').length, 3)
  t.match(out, young)
  for (const name of ['banned', 'lists', '.2026-11-20', '.2026-11-19/new']) t.match(err, name)
  t.equal((await onescan(['quarantine', 'delete', young, '--directory', directory])).code, 0)
})

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
