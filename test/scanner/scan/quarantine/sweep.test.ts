import {
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ProcEntry } from '../../../../src/base/process/proc-entry.ts'
import { openQuarantine } from '../../../../src/scanner/scan/quarantine/folders.ts'
import { sweepQuarantine } from '../../../../src/scanner/scan/quarantine/sweep.ts'
import { fileOf, keepOne, listed, makeQuarantine } from './quarantined.ts'

/** The sweep of a quarantine. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const now = Date.parse('2026-11-21T12:00:00Z')
const none = { QUARANTINEDAYS: 0, QUARANTINESIZE: 0 }
/** Messages go that are older than three hours. */
const threeHours = { ...none, QUARANTINEDAYS: 3 / 24 }

type Limits = Parameters<typeof sweepQuarantine>[1]

/** A quarantine, and the clock of its host. */
class Host {
  readonly directory: string
  now = now
  constructor(t: Test) {
    this.directory = makeQuarantine(t)
  }

  /** Keeps a message at a time; its id. */
  async keep(time = this.now, record?: Parameters<typeof keepOne>[2]): Promise<string> {
    const id = await keepOne(this.directory, time, record)
    this.touch(fileOf(this.directory, id), time)
    return id
  }

  /** Sets the time of a file. */
  touch(file: string, time: number): void {
    utimesSync(file, new Date(time), new Date(time))
  }

  sweep(limits: Limits = none, { signal } = new AbortController()) {
    return sweepQuarantine(this.directory, limits, this.now, signal)
  }

  /** Lets time pass, then sweeps. */
  after(milliseconds: number, limits: Limits = none) {
    this.now += milliseconds
    return this.sweep(limits)
  }

  /** The ids of the messages that are there, the oldest first. */
  async ids(): Promise<string[]> {
    const root = await openQuarantine(this.directory)
    const entries = await listed(root, { since: undefined, until: undefined })
    root.close()
    return entries.map(({ id }) => id)
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  /** Bytes of the file of a message, with the record above it. */
  size(id: string): number {
    return statSync(fileOf(this.directory, id)).size
  }
}

t.test('the links by which retries find mail go when no client tries any more', async (t) => {
  const directory = makeQuarantine(t)
  const keys = join(directory, 'kept.keys')
  const keep = (text: string) => keepOne(directory, Date.now(), { text, isTried: true })
  await keep('Subject: old\n\n')
  const [old] = readdirSync(keys)
  const recent = await keep('Subject: recent\n\n')
  const week = 9 * 86_400
  lutimesSync(join(keys, old!), Date.now() / 1000 - week, Date.now() / 1000 - week)
  const limits = { QUARANTINEDAYS: 30, QUARANTINESIZE: 0 }
  const { signal } = new AbortController()
  const { messages } = await sweepQuarantine(directory, limits, Date.now(), signal)
  t.equal(messages, 2)
  t.equal(readdirSync(keys).length, 1)
  t.equal(await keep('Subject: recent\n\n'), recent)
})

t.test('the sweep removes no message if there are no limits', async (t) => {
  const host = new Host(t)
  const id = await host.keep(0)
  const swept = { messages: 1, bytes: host.size(id), removed: 0 }
  t.same(await host.sweep(), swept)
  t.same(await host.after(30 * 365 * DAY), swept)
  t.same(await host.ids(), [id])
})

t.test('messages that are too old go, of all grounds, released or not', async (t) => {
  const host = new Host(t)
  const released = await host.keep()
  const passed = host.path(`virus/.2026-11-21/cur/${released},S=17:2,PS`)
  renameSync(fileOf(host.directory, released), passed)
  await host.keep(now, { grounds: 'banned' })
  const young = await host.keep(now + HOUR)
  t.match(
    await host.after(3 * HOUR, threeHours),
    { messages: 3, removed: 0 },
    'not older than that',
  )
  t.match(await host.after(1, threeHours), { messages: 1, removed: 2 })
  t.same(await host.ids(), [young])
})

t.test('a message is kept until its id and its file are too old', async (t) => {
  for (const [id, file] of [
    [0, HOUR],
    [HOUR, 0],
  ] as const) {
    const host = new Host(t)
    host.touch(fileOf(host.directory, await host.keep(now + id)), now + file)
    t.match(await host.after(3 * HOUR + 30 * MINUTE, threeHours), { messages: 1, removed: 0 })
    t.match(await host.after(HOUR, threeHours), { messages: 0, removed: 1 })
  }
})

t.test('a message from the future is kept', async (t) => {
  const host = new Host(t)
  await host.keep(now + 365 * DAY)
  t.match(await host.sweep(threeHours), { messages: 1, removed: 0 })
})

t.test('a folder is removed when it is empty and no longer written to', async (t) => {
  const midnight = Date.parse('2026-11-21T00:00:00Z')
  const folder = 'virus/.2026-11-21'
  const cases: readonly (readonly [what: string, put: (path: string) => void, stays: boolean])[] = [
    ['empty', () => {}, false],
    ['a file in tmp/', (path) => writeFileSync(join(path, 'tmp/x'), ''), true],
    ['a file in new/', (path) => writeFileSync(join(path, 'new/notes'), ''), true],
    ['a file in cur/', (path) => writeFileSync(join(path, 'cur/notes'), ''), true],
    ['a file beside them', (path) => writeFileSync(join(path, 'dovecot-uidlist'), ''), true],
  ]
  for (const [what, put, stays] of cases) {
    const host = new Host(t)
    await host.keep()
    t.match(await host.sweep({ ...none, QUARANTINESIZE: 1 }), { messages: 0, removed: 1 })
    put(host.path(folder))
    await host.after(midnight + 2 * DAY - 1 - host.now)
    t.ok(existsSync(host.path(folder)), `${what}: a process may be writing there`)
    await host.after(1)
    t.equal(existsSync(host.path(folder)), stays, what)
    for (const part of ['cur', 'new', 'tmp']) t.ok(existsSync(host.path(`virus/${part}`)))
  }
})

t.test('over its limits a quarantine loses the oldest messages', async (t) => {
  for (const apart of [1000, 7 * HOUR, 365 * DAY]) {
    const host = new Host(t)
    const open = readdirSync('/proc/self/fd').length
    const ids: string[] = []
    for (let i = 0; i < 10; i++) {
      ids.push(await host.keep(now - (20 - i) * apart, { grounds: ['virus', 'banned'][i % 2]! }))
    }
    t.match(await host.sweep({ ...none, messages: 10 }), { messages: 10, removed: 0 })
    t.match(await host.sweep({ ...none, messages: 6 }), { messages: 6, removed: 4 })
    t.same(await host.ids(), ids.slice(4))
    const two = host.size(ids[8]!) + host.size(ids[9]!)
    const bySize = await host.sweep({ ...none, QUARANTINESIZE: two })
    t.match(bySize, { messages: 2, bytes: two, removed: 4 })
    t.same(await host.ids(), ids.slice(8))
    const both = { ...none, messages: 2, QUARANTINESIZE: two - 1 }
    t.match(await host.sweep(both), { messages: 1, removed: 1 })
    t.same(await host.ids(), ids.slice(9))
    t.equal(readdirSync('/proc/self/fd').length, open, 'all is closed')
  }
})

t.test('the sweep counts a record, which may be larger than the mail', async (t) => {
  const host = new Host(t)
  const recipients = Array.from({ length: 1000 }, (_, i) => `${'\xfc'.repeat(240)}${i}@x`)
  const ids = [await host.keep(now - HOUR, { recipients }), await host.keep(now, { recipients })]
  const size = host.size(ids[0]!)
  t.ok(size > 1_000_000, `${size} bytes for a message of 17`)
  await host.sweep({ ...none, QUARANTINESIZE: size + 1 })
  t.same(await host.ids(), [ids[1]])
})

t.test('files of a killed process are removed after 36 hours', async (t) => {
  const host = new Host(t)
  const id = await host.keep()
  const tmp = host.path('virus/.2026-11-21/tmp')
  const ages = { old: 36 * HOUR + 1000, new: 36 * HOUR - 1000 }
  for (const [name, age] of Object.entries(ages)) {
    writeFileSync(join(tmp, name), '')
    utimesSync(join(tmp, name), new Date(now - age), new Date(now - age))
  }
  mkdirSync(join(tmp, 'directory'))
  utimesSync(join(tmp, 'directory'), new Date(0), new Date(0))
  t.match(await host.sweep(), { messages: 1, removed: 0 })
  t.same(readdirSync(tmp).sort(), ['directory', 'new'])
  t.same(await host.ids(), [id])
})

t.test('a message whose release was killed stays as long as others', async (t) => {
  const host = new Host(t)
  const id = await host.keep()
  const started = new ProcEntry('1').ticksAtStart()
  const taken = host.path(`virus/.2026-11-21/tmp/${id},S=17:2,.releasing-1-${started}`)
  renameSync(fileOf(host.directory, id), taken) // which sets the time at which it was touched
  host.now = Date.now()
  host.touch(taken, host.now)
  t.match(await host.sweep(threeHours), { messages: 0, removed: 0 })
  await host.after(4 * HOUR, threeHours)
  t.ok(existsSync(taken), 'it is too old, and was taken within 36 hours')
  await host.after(33 * HOUR)
  t.ok(existsSync(taken), 'there is no limit')
  await host.sweep(threeHours)
  t.notOk(existsSync(taken))
})

t.test('foreign files and directories stop no sweep, and stay', async (t) => {
  const host = new Host(t)
  await host.keep()
  await host.sweep()
  const there: readonly (readonly [name: string, put: (path: string) => void])[] = [
    ['Elsewhere', (path) => mkdirSync(path)],
    ['banned', (path) => writeFileSync(path, 'a file with the name of grounds')],
    ['lists', (path) => symlinkSync('/', path)],
    ['virus/.2026-11-20', (path) => writeFileSync(path, 'a file with the name of a day')],
    ['virus/.2026-11-19', (path) => mkdirSync(path)],
    ['virus/.2026-11-19/new', (path) => symlinkSync('/', path)],
    ['virus/.2026-11-21/new/notes', (path) => writeFileSync(path, '')],
  ]
  for (const [name, put] of there) put(host.path(name))
  // A message that cannot be removed stays, and counts.
  mkdirSync(host.path('virus/.2026-11-21/new/1.0000000000000000,S=17'))
  host.now = Date.now()
  t.match(await host.sweep({ ...none, messages: 1 }), { messages: 1, removed: 1 })
  t.match(await host.after(5 * HOUR, threeHours), { messages: 1, removed: 0 })
  rmSync(host.path('virus/.2026-11-21/new/1.0000000000000000,S=17'), { recursive: true })
  t.match(await host.sweep(threeHours), { messages: 0 })
  for (const [name] of there) t.ok(statSync(host.path(name)), name)
})

t.test('the sweep gives other work turns, and ends at the signal', async (t) => {
  const host = new Host(t)
  await host.keep()
  const folder = host.path('virus/.2026-11-21/new')
  const fill = () => {
    for (let i = 0; i < 600; i++) {
      writeFileSync(join(folder, `1.${String(i).padStart(16, '0')},S=5`), '')
    }
  }
  fill()
  let turns = 0
  const turning = setInterval(() => turns++, 0)
  const swept = await host.sweep({ ...none, messages: 1 })
  clearInterval(turning)
  t.equal(swept.removed, 600)
  t.ok(turns > 2, 'others had their turn')

  fill()
  const over = new AbortController()
  const removing = setInterval(() => {
    if (readdirSync(folder).length < 600) over.abort()
  }, 0)
  const removal = host.sweep({ ...none, messages: 1 }, over)
  await t.rejects(removal, { name: 'AbortError' })
  clearInterval(removing)
  t.ok(readdirSync(folder).length > 1, 'while it removed')
  await t.rejects(host.sweep(none, over), { name: 'AbortError' }, 'while it lists')
})
