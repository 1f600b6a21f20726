import {
  existsSync,
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
import t from 'tap'
import type { Values } from '../../../src/ground/settings/settings.ts'
import type { quarantineLimits } from '../../../src/ground/settings/table/scanning.ts'
import { sweepQuarantine } from '../../../src/scan/quarantine/sweep.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { ofPlain, onescan } from '../../cli/onescan.ts'
import { keepOne, makeQuarantine } from './kept.ts'

/** The sweep of a quarantine. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
const now = Date.parse('2026-11-21T12:00:00Z')
const none = { QUARANTINEDAYS: 0, QUARANTINEMESSAGES: 0, QUARANTINESIZE: 0 }

/** The clocks of a host, which sweeps a quarantine. */
class Host {
  now: number
  uptime = 60_000
  boot = 'first'
  readonly #directory: string

  constructor(directory: string, time = now) {
    this.#directory = directory
    this.now = time
  }

  sweep(limits: Values<typeof quarantineLimits>, signal?: AbortSignal) {
    const { now, uptime, boot } = this
    return sweepQuarantine(this.#directory, limits, { now, uptime, boot }, signal)
  }

  /** Lets time pass, of which sweeps see each hour. Resolves with the last of them. */
  async pass(hours: number, limits: Values<typeof quarantineLimits> = none) {
    for (let hour = 1; hour <= hours; hour++) {
      this.now += HOUR
      this.uptime += HOUR
      const swept = await this.sweep(limits)
      if (hour === hours) return swept
    }
    throw new Error('no hour')
  }

  /** Starts the host anew, after it was off for so long. */
  restart(off: number): void {
    this.now += off
    this.uptime = 30_000
    this.boot += ' again'
  }
}

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
  t.same(await new Host(directory).sweep(none), {
    messages: 1,
    bytes: bytesOf(directory, id),
    removed: 0,
    warnings: [],
  })
  t.same(await idsIn(directory), [id])
})

t.test('the sweep removes messages that are too old, and folders that are empty', async (t) => {
  const directory = makeQuarantine(t)
  const host = new Host(directory)
  await keepOne(directory, now)
  await keepOne(directory, now, { grounds: 'banned' })
  await host.sweep(none)
  await host.pass(1)
  const young = await keepOne(directory, host.now)
  await host.pass(47, { ...none, QUARANTINEDAYS: 2 })
  t.equal((await idsIn(directory)).length, 3, 'not older than two days')
  t.match(await host.pass(1, { ...none, QUARANTINEDAYS: 2 }), { messages: 1, removed: 2 })
  t.same(await idsIn(directory), [young])
  await host.pass(48, { ...none, QUARANTINEDAYS: 2 })
  t.same(readdirSync(join(directory, 'virus')).sort(), ['cur', 'new', 'tmp'])
})

t.test('no step of the clock makes a message old', async (t) => {
  const year = 365 * DAY
  for (const step of [10 * year, -10 * year, 6 * 60_000, -6 * 60_000]) {
    const directory = makeQuarantine(t)
    const host = new Host(directory)
    const ids = [await keepOne(directory, now - 9 * year), await keepOne(directory, now)]
    const limits = { ...none, QUARANTINEDAYS: 1 }
    await host.pass(12, limits)
    host.now += step
    const { removed, warnings } = await host.pass(1, { ...limits, QUARANTINEMESSAGES: 1 })
    t.same([removed, warnings.length], [0, 1], `${step}`)
    const way = step < 0 ? 'back' : 'forward'
    t.match(warnings[0], `the clock was set ${way} by ${Math.abs(step) === 10 * year ? '3650 days' : '0.1 hours'} since the last sweep: nothing is removed now`) // biome-ignore format: a line
    t.match(await host.pass(10, limits), { removed: 0, warnings: [] }, 'once')
    t.same((await idsIn(directory)).sort(), ids.sort())
    await host.pass(4, limits) // a day has passed, and an hour that the clock did not see
    t.same(await idsIn(directory), [])
  }
})

t.test(
  'mail that was kept while the clock was years behind is not old once it is right',
  async (t) => {
    const directory = makeQuarantine(t)
    const limits = { ...none, QUARANTINEDAYS: 30 }
    const host = new Host(directory)
    await keepOne(directory, host.now)
    await host.sweep(limits)
    host.restart(-6 * 365 * DAY) // with a clock that has no battery
    t.match((await host.sweep(limits)).warnings, [/^the clock was set back by 2190 days/])
    for (let count = 0; count < 20; count++) await keepOne(directory, host.now)
    t.same((await host.pass(1, limits)).warnings, [])
    host.now += 6 * 365 * DAY
    t.match((await host.sweep(limits)).warnings, [/^the clock was set forward by 2190 days/])
    t.match(await host.pass(1, limits), { messages: 21, removed: 0 })
    // And at the next start, on the same day by that clock.
    host.restart(-6 * 365 * DAY)
    host.uptime += 90_000
    await keepOne(directory, host.now)
    await host.pass(1, limits)
    t.match(await host.pass(1, limits), { messages: 22, removed: 0 })
  },
)

t.test('time counts in which a sweep ran within the hour, and no other', async (t) => {
  const limits = { ...none, QUARANTINEDAYS: 1 }
  const away: readonly (readonly [what: string, (host: Host) => void])[] = [
    ['a host that was off for a month', (host) => host.restart(30 * DAY)],
    ['a host without onescand for a month', (host) => Object.assign(host, { now: host.now + 30 * DAY, uptime: host.uptime + 30 * DAY })], // biome-ignore format: a line
    ['both clocks leap', (host) => Object.assign(host, { now: host.now + 900 * DAY, uptime: host.uptime + 900 * DAY })], // biome-ignore format: a line
    ['a host that is set back to what it was', (host) => Object.assign(host, { now: host.now - DAY, uptime: host.uptime - DAY })], // biome-ignore format: a line
  ]
  for (const [what, goAway] of away) {
    const directory = makeQuarantine(t)
    const host = new Host(directory)
    host.uptime += 2 * DAY
    await keepOne(directory, host.now)
    await host.sweep(limits)
    await host.pass(12, limits)
    goAway(host)
    t.match(await host.pass(11, limits), { messages: 1, warnings: [] }, what)
    t.match(await host.pass(3, limits), { messages: 0 }, what)
  }
})

t.test(
  'messages grow old on a host that was started often, with one sweep each time',
  async (t) => {
    const directory = makeQuarantine(t)
    const host = new Host(directory)
    const limits = { ...none, QUARANTINEDAYS: 1 }
    await keepOne(directory, host.now)
    for (let start = 0; start < 40; start++) {
      await host.sweep(limits)
      host.restart(HOUR / 2)
    }
    await host.sweep(limits)
    t.match(await host.pass(24, limits), { messages: 1, warnings: [] })
    t.match(await host.pass(1, limits), { messages: 0 })
  },
)

t.test(
  'if what the sweep noted is lost or broken, ages begin anew, and nothing goes',
  async (t) => {
    const clock = 'sweep.clock'
    const seen = 'virus/.2026-11-21/sweep.seen'
    const spoil: readonly (readonly [
      file: string,
      change: (path: string) => void,
      warns: boolean,
    ])[] = [
      [clock, (path) => rmSync(path), false],
      [clock, (path) => writeFileSync(path, ''), true],
      [clock, (path) => truncateSync(path, 30), true],
      [clock, (path) => writeFileSync(path, readFileSync(path, 'latin1').replace(/"passed":/, '$&-')), true], // biome-ignore format: a line
      [clock, (path) => writeFileSync(path, readFileSync(path, 'latin1').replace(/"boot":"first"/, '"boot":[]')), true], // biome-ignore format: a line
      [clock, (path) => writeFileSync(path, readFileSync(path, 'latin1').replace(/"id":"/, '$&x')), true], // biome-ignore format: a line
      [clock, (path) => writeFileSync(path, 'null'), true],
      [seen, (path) => rmSync(path), false],
      [seen, (path) => writeFileSync(path, '\0'.repeat(4096)), false],
      [seen, (path) => truncateSync(path, 10), false],
      [seen, (path) => writeFileSync(path, readFileSync(path, 'latin1').replace('@', '')), false],
      [seen, (path) => writeFileSync(path, readFileSync(path, 'latin1').replaceAll(/ \d+$/gm, ' 99999999')), false], // biome-ignore format: a line
    ]
    const limits = { ...none, QUARANTINEDAYS: 1 }
    for (const [index, [file, change, warns]] of spoil.entries()) {
      const directory = makeQuarantine(t)
      const host = new Host(directory)
      await keepOne(directory, now)
      await host.sweep(limits)
      await host.pass(12, limits)
      change(join(directory, file))
      const { removed, warnings } = await host.pass(1, limits)
      t.same([removed, warnings.length], [0, warns ? 1 : 0], `${index}`)
      if (warns) t.match(warnings[0], /^sweep\.clock: .*: the age of all messages begins anew$/)
      t.match(await host.pass(23, limits), { messages: 1, removed: 0 }, `${index}`)
      t.match(await host.pass(2, limits), { messages: 0 }, `${index}`)
    }
  },
)

t.test('the file of an older clock that is put back makes no message old', async (t) => {
  const directory = makeQuarantine(t)
  const host = new Host(directory)
  const limits = { ...none, QUARANTINEDAYS: 1 }
  await host.pass(1, limits)
  const old = readFileSync(join(directory, 'sweep.clock'))
  await host.pass(100, limits)
  await keepOne(directory, host.now)
  await host.pass(1, limits)
  writeFileSync(join(directory, 'sweep.clock'), old)
  t.match(await host.pass(24, limits), { messages: 1, removed: 0 })
  t.match(await host.pass(2, limits), { messages: 0 })
})

t.test(
  'over its size the quarantine loses what was there first, whatever the names say',
  async (t) => {
    const directory = makeQuarantine(t)
    const host = new Host(directory)
    const ids: string[] = []
    for (const years of [10, 0, -3, 20, 5, 20]) {
      ids.push(await keepOne(directory, now - years * 365 * DAY))
      ids.push(await keepOne(directory, now - years * 365 * DAY, { grounds: 'banned' }))
      await host.pass(1)
    }
    for (const left of [11, 10, 7, 4, 1]) {
      const swept = await host.pass(1, { ...none, QUARANTINEMESSAGES: left })
      t.equal(swept.messages, left)
      t.same((await idsIn(directory)).sort(), ids.slice(-left).sort(), `${left} are left`)
    }
  },
)

t.test(
  'the sweep removes the oldest messages of all grounds until number and bytes are within the limits',
  async (t) => {
    const directory = makeQuarantine(t)
    const ids: string[] = []
    for (let i = 0; i < 10; i++) {
      const grounds = i % 2 === 0 ? 'virus' : 'banned'
      ids.push(await keepOne(directory, now - (20 - i) * 7 * HOUR, { grounds }))
    }
    const host = new Host(directory)
    await host.sweep({ ...none, QUARANTINEMESSAGES: 6 })
    t.equal((await idsIn(directory)).length, 6)
    t.notOk((await idsIn(directory)).includes(ids[0]!))
    t.ok((await idsIn(directory)).includes(ids[9]!))
    const two = bytesOf(directory, ids[8]!) + bytesOf(directory, ids[9]!)
    await host.pass(1, { ...none, QUARANTINESIZE: two + 1 })
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
    await new Host(directory).sweep(none)
    t.same(readdirSync(tmp), ['new'])
  },
)

t.test(
  'the sweep keeps a message whose release is under way, or was killed, as long as others',
  async (t) => {
    const directory = makeQuarantine(t)
    const host = new Host(directory, Date.now())
    const kept = Date.parse('2026-11-16T12:00:00Z')
    const id = await keepOne(directory, kept)
    const folder = join(directory, 'virus/.2026-11-16')
    const taken = join(folder, `tmp/${id},S=17:2,.releasing-1`)
    renameSync(join(folder, `new/${id},S=17`), taken)
    utimesSync(taken, new Date(kept), new Date(kept))
    await host.sweep(none)
    await host.pass(24, { ...none, QUARANTINEDAYS: 1 })
    t.ok(existsSync(taken))
    await host.pass(24, { ...none, QUARANTINEDAYS: 1 })
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
    await new Host(directory).sweep({ ...none, QUARANTINESIZE: size + 1 })
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
  await new Host(directory).sweep({ ...none, QUARANTINEMESSAGES: 4 })
  t.same((await idsIn(directory)).sort(), ids.slice(4))
})

t.test('what is not of this account stops neither the sweep nor the list', async (t) => {
  const directory = makeQuarantine(t)
  const host = new Host(directory)
  const old = await keepOne(directory, now - 40 * DAY)
  await host.sweep(none)
  await host.pass(25)
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
  symlinkSync('/etc/passwd', join(directory, 'virus/.2026-11-21/sweep.seen'))
  await host.sweep({ ...none, QUARANTINEDAYS: 1 })
  ofPlain(directory)
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
  const host = new Host(directory)
  await host.sweep(none)
  await host.pass(26, { ...none, QUARANTINEDAYS: 1 })
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
  const host = new Host(directory)
  const swept = await host.sweep({ ...none, QUARANTINEMESSAGES: 1 })
  clearInterval(turning)
  t.equal(swept.removed, 1000)
  t.ok(turns > 3, 'others had their turn')
  const over = new AbortController()
  over.abort()
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, `x${i}`), '')
  await t.rejects(host.sweep(none, over.signal), { name: 'AbortError' })
})
