import {
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ProcEntry } from '../../../../src/base/process/proc-entry.ts'
import { openQuarantine } from '../../../../src/scanner/scan/quarantine/folders.ts'
import { sweepQuarantine } from '../../../../src/scanner/scan/quarantine/sweep.ts'
import { readHostTime } from '../../../../src/scanner/scan/quarantine/sweep-clock.ts'
import { fileOf, keepOne, listed, makeQuarantine } from './quarantined.ts'

/** The sweep of a quarantine. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const now = Date.parse('2026-11-21T12:00:00Z')
const none = { QUARANTINEDAYS: 0, QUARANTINESIZE: 0 }
/** Messages go that are older than three hours: the fourth sweep after the first that sees them. */
const threeHours = { ...none, QUARANTINEDAYS: 3 / 24 }

type Limits = Parameters<typeof sweepQuarantine>[1]

/** A quarantine, and the clocks of its host. */
class Host {
  readonly directory: string
  now = now
  uptime = 10 * DAY
  boot = 'first'
  constructor(t: Test) {
    this.directory = makeQuarantine(t)
  }

  /** Keeps a message at a time of the wall clock; its id. */
  keep(time = this.now, record?: Parameters<typeof keepOne>[2]): Promise<string> {
    return keepOne(this.directory, time, record)
  }

  sweep(limits: Limits = none, { signal } = new AbortController()) {
    const { directory, now, uptime, boot } = this
    return sweepQuarantine(directory, limits, { now, uptime, boot }, signal)
  }

  /** Lets time pass without a sweep, by the wall clock and by that of the kernel. */
  wait(milliseconds: number, byKernel = milliseconds): void {
    this.now += milliseconds
    this.uptime += byKernel
  }

  /** Lets time pass, of which sweeps see each hour. Resolves to the last of them. */
  async pass(hours: number, limits: Limits = none) {
    for (let hour = 1; hour < hours; hour++) {
      this.wait(HOUR)
      await this.sweep(limits)
    }
    this.wait(HOUR)
    return this.sweep(limits)
  }

  /** Starts the host again, after it was off for so long. */
  restart(off: number): void {
    this.now += off
    this.uptime = 30_000
    this.boot += ' again'
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

  /** Changes the text of a file. */
  edit(name: string, change: (text: string) => string): void {
    writeFileSync(this.path(name), change(readFileSync(this.path(name), 'latin1')), 'latin1')
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
  const { messages } = await sweepQuarantine(directory, limits, readHostTime(Date.now()), signal)
  t.equal(messages, 2)
  t.equal(readdirSync(keys).length, 1)
  t.equal(await keep('Subject: recent\n\n'), recent)
})

const CLOCK = 'sweep.clock'
/** The id of a clock that is none of these. */
const OTHER = '0123456789abcdef'
const SEEN = 'virus/.2026-11-21/sweep.seen'

t.test('the sweep removes no message if there are no limits', async (t) => {
  const host = new Host(t)
  const id = await host.keep(0)
  const swept = { messages: 1, bytes: host.size(id), removed: 0, warnings: [] }
  t.same(await host.sweep(), swept)
  const seen = readFileSync(host.path('virus/.1970-01-01/sweep.seen'))
  t.same(await host.pass(30), swept)
  t.ok(readFileSync(host.path('virus/.1970-01-01/sweep.seen')).equals(seen), 'it is noted once')
  t.same(await host.ids(), [id])
  for (const name of [CLOCK, 'virus/.1970-01-01/sweep.seen']) {
    t.equal(statSync(host.path(name)).mode & 0o777, 0o600, name)
  }
})

t.test('messages that are too old go, of all grounds, released or not', async (t) => {
  const host = new Host(t)
  const released = await host.keep()
  const passed = host.path(`virus/.2026-11-21/cur/${released},S=17:2,PS`)
  renameSync(fileOf(host.directory, released), passed)
  await host.keep(now, { grounds: 'banned' })
  await host.sweep(threeHours)
  await host.pass(1, threeHours)
  const young = await host.keep()
  t.match(await host.pass(2, threeHours), { messages: 3, removed: 0 }, 'not older than that')
  host.wait(999)
  t.match(await host.sweep(threeHours), { messages: 3, removed: 0 }, 'nor by a part of a second')
  host.wait(1)
  t.match(await host.sweep(threeHours), { messages: 1, removed: 2 })
  t.same(await host.ids(), [young])
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
    ['without the notes of the sweep', (path) => rmSync(join(path, 'sweep.seen')), false],
  ]
  for (const [what, put, stays] of cases) {
    const host = new Host(t)
    await host.keep()
    await host.sweep()
    t.match(await host.pass(1, { ...none, QUARANTINESIZE: 1 }), { messages: 0, removed: 1 })
    put(host.path(folder))
    host.wait(midnight + 2 * DAY - 1 - host.now)
    await host.sweep()
    t.ok(existsSync(host.path(folder)), `${what}: a process may be writing there`)
    host.wait(1)
    await host.sweep()
    t.equal(existsSync(host.path(folder)), stays, what)
    for (const part of ['cur', 'new', 'tmp']) t.ok(existsSync(host.path(`virus/${part}`)))
  }
})

t.test('no step of the clock makes a message old', async (t) => {
  const year = 365 * DAY
  // The hours after which the messages are three hours old: of a step back none counts.
  for (const [step, change, hours] of [
    [10 * year, 'forward by 3650 d', 2],
    [-10 * year, 'back by 3650 d', 3],
    [48 * HOUR, 'forward by 2 d', 2],
    [48 * HOUR - 6 * MINUTE, 'forward by 47 h 54 min', 2],
    [5 * MINUTE + 1, 'forward by 5 min', 2],
    [-5 * MINUTE - 1, 'back by 5 min', 2],
  ] as const) {
    const host = new Host(t)
    const ids = [await host.keep(now - 9 * year), await host.keep()]
    await host.sweep(threeHours)
    host.now += step
    const swept = await host.pass(1, { ...threeHours, messages: 1 })
    const warning = `the clock was set ${change} since the last sweep: this sweep removes nothing`
    t.same(swept, { messages: 0, bytes: 0, removed: 0, warnings: [warning] })
    t.match(await host.pass(1, threeHours), { messages: 2, removed: 0, warnings: [] }, 'once')
    t.same((await host.ids()).sort(), ids.sort())
    t.match(await host.pass(hours - 1, threeHours), { messages: 2, removed: 0 })
    t.match(await host.pass(1, threeHours), { messages: 0, removed: 2 }, 'and time goes on')
  }
  for (const step of [5 * MINUTE, -5 * MINUTE]) {
    const host = new Host(t)
    await host.sweep()
    host.now += step
    t.same((await host.pass(1)).warnings, [], 'clocks differ a little')
  }
})

t.test('mail kept while the clock was years slow is not old', async (t) => {
  const years = 6 * 365 * DAY
  const host = new Host(t)
  await host.keep()
  await host.sweep(threeHours)
  host.restart(-years) // with a clock that has no battery
  t.match((await host.sweep(threeHours)).warnings, [/^the clock was set back by 2190 d /])
  for (let count = 0; count < 20; count++) await host.keep()
  t.same((await host.pass(1, threeHours)).warnings, [])
  host.now += years
  t.match((await host.sweep(threeHours)).warnings, [/^the clock was set forward by 2190 d /])
  t.match(await host.pass(1, threeHours), { messages: 21, removed: 0 })
  // And at the next start, on the same day by that clock.
  host.restart(-years)
  await host.keep()
  t.match(await host.sweep(threeHours), { warnings: [/^the clock was set back/] })
  t.match(await host.sweep(threeHours), { messages: 22, removed: 0 })
})

t.test('time counts in which a sweep ran within the hour, and no other', async (t) => {
  const away: readonly (readonly [what: string, leave: (host: Host) => void, counts: boolean])[] = [
    ['a host that was off for a month', (host) => host.restart(30 * DAY), false],
    ['a host without onescand for a month', (host) => host.wait(30 * DAY), true],
    ['both clocks leap', (host) => host.wait(900 * DAY), true],
    ['a host that is set back to what it was', (host) => host.wait(-DAY), false],
    ['a wall clock that is slow', (host) => host.wait(HOUR - 5 * MINUTE, HOUR), true],
    ['a wall clock that is fast', (host) => host.wait(5 * MINUTE, 0), false],
  ]
  for (const [what, leave, counts] of away) {
    const host = new Host(t)
    await host.keep()
    await host.sweep(threeHours)
    leave(host)
    t.match(await host.sweep(threeHours), { messages: 1, warnings: [] }, what)
    t.match(await host.pass(counts ? 2 : 3, threeHours), { messages: 1, warnings: [] }, what)
    t.match(await host.pass(1, threeHours), { messages: 0 }, what)
  }
})

t.test('messages grow old on a host that is started after each sweep', async (t) => {
  const host = new Host(t)
  await host.keep()
  for (let start = 0; start < 10; start++) {
    await host.sweep(threeHours)
    host.restart(HOUR / 2)
  }
  await host.sweep(threeHours)
  t.match(await host.pass(3, threeHours), { messages: 1, warnings: [] })
  t.match(await host.pass(1, threeHours), { messages: 0 })
})

t.test('if the clock of the sweeps is lost or broken, ages begin again', async (t) => {
  const edited = (change: (text: string) => string) => (host: Host) => host.edit(CLOCK, change)
  const link = (host: Host) => {
    renameSync(host.path(CLOCK), host.path('x'))
    symlinkSync('x', host.path(CLOCK))
  }
  const reason = 'has invalid content'
  const spoil: readonly (readonly [
    what: string,
    change: (host: Host) => void,
    warning: string | false,
  ])[] = [
    ['no clock', (host) => rmSync(host.path(CLOCK)), false],
    ['an empty clock', edited(() => ''), 'Unexpected end of JSON input'],
    ['a part of a clock', (host) => truncateSync(host.path(CLOCK), 30), 'JSON'],
    ['a link', link, 'a symbolic link that is not followed'],
    ['no object', edited(() => 'null'), reason],
    ['no object', edited(() => '1'), reason],
    ...['passed', 'now', 'uptime'].flatMap((name) => [
      [`${name} below 0`, edited((text) => text.replace(`"${name}":`, '$&-1')), reason] as const,
      [
        `no whole ${name}`,
        edited((text) => text.replace(`"${name}":`, '$&0.5,"x":')),
        reason,
      ] as const,
    ]),
    ['no boot', edited((text) => text.replace('"boot":"first"', '"boot":[]')), reason],
    ['no id', edited((text) => text.replace('"id":', '"x":')), reason],
    ['an id that is longer', edited((text) => text.replace('"id":"', '$&0')), reason],
    ['an id that is longer', edited((text) => text.replace(/("id":"[^"]*)/, '$&0')), reason],
    ['another id', edited((text) => text.replace(/"id":"[^"]*/, `"id":"${OTHER}`)), false],
  ]
  for (const [what, change, warning] of spoil) {
    const host = new Host(t)
    await host.keep()
    await host.sweep(threeHours)
    await host.pass(2, threeHours)
    change(host)
    const { removed, warnings } = await host.pass(1, threeHours)
    t.equal(removed, 0, what)
    t.equal(warnings.length, warning === false ? 0 : 1, what)
    if (warning !== false) {
      t.match(warnings[0], /^sweep\.clock: .*: the age of all messages starts again at zero$/)
      t.match(warnings[0], warning, what)
    }
    t.match(await host.pass(3, threeHours), { messages: 1, removed: 0, warnings: [] }, what)
    t.match(await host.pass(1, threeHours), { messages: 0 }, what)
  }
})

t.test('times in a folder count by the clock that wrote them', async (t) => {
  const cases: readonly (readonly [what: string, text: string, isOld: boolean])[] = [
    ['what the sweep writes', '\n@CLOCK 0\nID\n', true],
    ['several', '\n@CLOCK 1\n1.0000000000000000\nID\n', true],
    ['from now', '@CLOCK 14400\nID\n', false],
    ['from a time to come', '@CLOCK 14401\nID\n', false],
    ['from a time to come, and before', '@CLOCK 0\nID\n@CLOCK 99999\nID\n', false],
    ['seen anew', '@CLOCK 0\nID\n@CLOCK 14000\nID\n', false],
    ['by another clock', `@${OTHER} 0\nID\n`, false],
    ['by another clock at last', `@CLOCK 0\nID\n@${OTHER} 0\nID\n`, false],
    ['by no clock', 'ID\n', false],
    ['a head that is none', 'x@CLOCK 0\nID\n', false],
    ['a head with more', '@CLOCK 0x\nID\n', false],
    ['half a line in front', '@CLOCK 0\n1.00\nID\n', false],
    ['half a line, and a head', '@CLOCK 5\n1.00\n@CLOCK 0\nID\n', true],
    ['no line end', '@CLOCK 0\nID', false],
    ['nothing', '', false],
    ['zeros', '\0'.repeat(4096), false],
    ['more than is read at once', `@CLOCK 0\n${'1.0000000000000000\n'.repeat(13_796)}ID\n`, true],
    ['an endless line', `@CLOCK 0\n${'\0'.repeat(600_000)}\n@CLOCK 0\nID\n`, true],
  ]
  for (const [what, text, isOld] of cases) {
    const host = new Host(t)
    await host.sweep()
    await host.pass(4)
    const id = await host.keep(now)
    const clock: string = JSON.parse(readFileSync(host.path(CLOCK), 'latin1')).id
    writeFileSync(host.path(SEEN), text.replaceAll('CLOCK', clock).replaceAll('ID', id))
    t.match(await host.sweep(threeHours), { messages: isOld ? 0 : 1 }, what)
  }
})

t.test('a failure to note times is reported, and makes no message old', async (t) => {
  for (const limits of [threeHours, { ...threeHours, messages: 1 }]) {
    const host = new Host(t)
    const ids = [await host.keep(now - 1000), await host.keep()]
    mkdirSync(host.path(SEEN))
    const left = limits === threeHours ? ids : ids.slice(1)
    const { warnings } = await host.sweep(limits)
    t.match(warnings, [/^the age of new messages cannot be recorded: sweep\.seen: is a directory/])
    await host.pass(5, limits)
    t.same(await host.ids(), left)
  }
  const host = new Host(t)
  await host.keep()
  await host.sweep()
  const clock = readFileSync(host.path(CLOCK))
  mkdirSync(host.path(`${CLOCK}.new`))
  const { warnings } = await host.pass(5, threeHours)
  t.match(warnings, [
    /^sweep\.clock cannot be written, so the age of messages does not increase: .*is a directory/,
  ])
  t.ok(readFileSync(host.path(CLOCK)).equals(clock))
  t.equal((await host.ids()).length, 1)
  rmSync(host.path(`${CLOCK}.new`), { recursive: true })
  rmSync(host.path(CLOCK))
  mkdirSync(host.path(CLOCK))
  t.match((await host.pass(1)).warnings, [/starts again at zero$/, /cannot be written/])
  t.notOk(existsSync(host.path(`${CLOCK}.new`)), 'nothing is left of what was written')
})

t.test('the file of an older clock that is put back makes no message old', async (t) => {
  const host = new Host(t)
  await host.pass(1, threeHours)
  const old = readFileSync(host.path(CLOCK))
  await host.pass(10, threeHours)
  await host.keep()
  await host.pass(1, threeHours)
  writeFileSync(host.path(CLOCK), old)
  t.match(await host.pass(3, threeHours), { messages: 1, removed: 0 })
  t.match(await host.pass(2, threeHours), { messages: 0 })
})

t.test('over its limits a quarantine loses what was seen first', async (t) => {
  const host = new Host(t)
  const ids: string[] = []
  for (const years of [10, 0, -3, 20, 5, 20]) {
    const time = now - years * 365 * DAY
    ids.push(await host.keep(time), await host.keep(time, { grounds: 'banned' }))
    await host.pass(1)
  }
  for (const left of [11, 10, 7, 4, 1]) {
    const swept = await host.pass(1, { ...none, messages: left })
    const kept = ids.slice(-left)
    const bytes = kept.reduce((sum, id) => sum + host.size(id), 0)
    t.match(swept, { messages: left, bytes, warnings: [] })
    t.same((await host.ids()).sort(), kept.sort(), `${left} are left`)
  }
})

t.test('only the messages of a day that were seen first are removed', async (t) => {
  const host = new Host(t)
  const open = readdirSync('/proc/self/fd').length
  const yesterday = now - DAY
  const ids: string[] = []
  for (const time of [yesterday, now, yesterday, now]) {
    ids.push(await host.keep(time))
    await host.pass(1)
  }
  for (const left of [3, 2, 1]) {
    await host.sweep({ ...none, messages: left })
    t.same(readdirSync('/proc/self/fd').length, open, 'all is closed')
    t.same((await host.ids()).sort(), ids.slice(-left).sort(), `${left} are left`)
  }
  ids.push(await host.keep(yesterday), await host.keep(now))
  await host.pass(1, { ...none, messages: 1 })
  t.same(await host.ids(), ids.slice(-1))
})

t.test('messages seen at the same time are removed in order of their names', async (t) => {
  for (const apart of [1000, 7 * HOUR]) {
    const host = new Host(t)
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
  t.match(await host.sweep(), { messages: 1, removed: 0, warnings: [] })
  t.same(readdirSync(tmp).sort(), ['directory', 'new'])
  t.same(await host.ids(), [id])
})

t.test('a message whose release was killed stays as long as others', async (t) => {
  const host = new Host(t)
  const id = await host.keep()
  const started = new ProcEntry('1').ticksAtStart()
  const taken = host.path(`virus/.2026-11-21/tmp/${id},S=17:2,.releasing-1-${started}`)
  host.now = Date.now()
  renameSync(fileOf(host.directory, id), taken) // which sets the time at which it was touched
  utimesSync(taken, new Date(0), new Date(0))
  t.match(await host.sweep(threeHours), { messages: 0, removed: 0 })
  await host.pass(10)
  t.ok(existsSync(taken), 'there is no limit')
  await host.pass(5, threeHours)
  t.ok(existsSync(taken), 'it is too old, and was taken within 36 hours')
  await host.pass(18)
  host.wait(4 * HOUR)
  await host.sweep()
  t.ok(existsSync(taken), 'there is no limit')
  await host.sweep(threeHours)
  t.notOk(existsSync(taken))

  const late = new Host(t)
  const other = await late.keep()
  const there = late.path(`virus/.2026-11-21/tmp/${other},S=17:2,.releasing-1-1`)
  renameSync(fileOf(late.directory, other), there)
  late.now = Date.now() + 40 * HOUR
  await late.sweep(threeHours)
  await late.pass(3, threeHours)
  t.ok(existsSync(there), 'taken long ago, and not seen for long')
  await late.pass(1, threeHours)
  t.notOk(existsSync(there))
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
  const stuck = await host.pass(1, { ...none, messages: 1 })
  t.match(stuck, { messages: 1, removed: 1, warnings: [] })
  t.match(await host.pass(5, threeHours), { messages: 1, removed: 0 })
  rmSync(host.path('virus/.2026-11-21/new/1.0000000000000000,S=17'), { recursive: true })
  t.match(await host.pass(1, threeHours), { messages: 0, warnings: [] })
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

t.test('the clocks of the host are read', async (t) => {
  const [first, second] = [readHostTime(1), readHostTime(2)]
  t.match(first, { now: 1, boot: /^[0-9a-f-]{36}$/ })
  t.equal(second.boot, first.boot)
  const seconds = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0])
  t.ok(Number.isInteger(second.uptime) && second.uptime >= first.uptime)
  t.ok(Math.abs(seconds * 1000 - second.uptime) < 600_000, 'milliseconds')
})
