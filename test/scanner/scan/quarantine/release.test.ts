import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PathHandle } from '../../../../src/base/path/path-handle.ts'
import { ProcEntry } from '../../../../src/base/process/proc-entry.ts'
import {
  beginRelease,
  deleteEntry,
  type Release,
} from '../../../../src/scanner/scan/quarantine/begin-release.ts'
import { keepOne, makeQuarantine, openFor } from './quarantined.ts'

/** How a message is released once, and deleted. */

const DAY = '2026-11-21'
const ownTicks = new ProcEntry('self').ticksAtStart()
const own = `${process.pid}-${ownTicks}`
/** Another process, which goes on. */
const OTHER = `1-${new ProcEntry('1').ticksAtStart()}`
/** A number that no process has: proc_sys_kernel(5), pid_max. */
const ENDED = '4194305-1'
/** Threads on which libuv makes the calls of a process, at the most. */
const THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4)

/** A quarantine with a message, and what moves it as releases do. */
async function build(t: Test) {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.parse(`${DAY}T12:00:00Z`))
  const folder = join(directory, `virus/.${DAY}`)
  /** Where the message is, and moves it. */
  const place = () =>
    ['new', 'cur', 'tmp']
      .flatMap((part) => readdirSync(join(folder, part)).map((name) => `${part}/${name}`))
      .join()
  const move = (to: string) => renameSync(join(folder, place()), join(folder, to))
  const name = `${id},S=17`
  return {
    ...{ id, folder, place, move, root: await openFor(t, directory) },
    kept: `new/${name}`,
    seen: `cur/${name}:2,S`,
    released: `cur/${name}:2,PS`,
    taken: (by: string, flags = '') => `tmp/${name}:2,${flags}.releasing-${by}`,
  }
}

type Ending = 'finish' | 'cancel' | 'leave'

t.test('a message is where its state requires, before, during and after a release', async (t) => {
  const { id, place, move, root, kept, seen, released, taken } = await build(t)
  const open = readdirSync('/proc/self/fd').length
  const ownPassed = taken(own, 'PS')
  const cases: readonly (readonly [
    from: string,
    again: boolean,
    flags: string,
    ends: Readonly<Record<Ending, string>>,
  ])[] = [
    [kept, false, '', { finish: released, cancel: kept, leave: taken(own) }],
    [seen, false, 'S', { finish: released, cancel: kept, leave: taken(own, 'S') }],
    [released, true, 'PS', { finish: released, cancel: released, leave: taken(own, 'PS') }],
    [taken(ENDED), true, '', { finish: released, cancel: taken(own), leave: taken(own) }],
    [taken(ENDED, 'PS'), true, 'PS', { finish: released, cancel: ownPassed, leave: ownPassed }],
  ]
  for (const [from, again, flags, ends] of cases) {
    for (const [ending, to] of Object.entries(ends)) {
      move(from)
      const release: Release = await beginRelease(root, id, again)
      t.equal(place(), taken(own, flags), from)
      t.match(release.opened, { entry: { id }, record: { id, grounds: 'virus' } })
      await release[ending as Ending]()
      t.equal(place(), to, `${ending} from ${from}`)
    }
  }
  t.equal(readdirSync('/proc/self/fd').length, open, 'all is closed')
})

t.test('the state of a message decides whether it may be released or deleted', async (t) => {
  const { id, place, move, root, kept, released, taken } = await build(t)
  const cases: readonly (readonly [from: string, again: boolean, refusal: RegExp])[] = [
    [released, false, /^\S+: has been released$/],
    [taken(ENDED), false, /: a release of it was interrupted, .* delivered$/],
    [taken(own), false, new RegExp(`^\\S+: is being released by process ${process.pid}$`)],
    [taken(own), true, /: is being released by process/],
    [taken(`${process.pid}-${ownTicks - 1}`), false, /was interrupted/],
  ]
  const open = readdirSync('/proc/self/fd').length
  for (const [from, again, refusal] of cases) {
    move(from)
    await t.rejects(beginRelease(root, id, again), { kind: 'config', message: refusal }, from)
    t.equal(place(), from)
  }
  move(taken(own))
  await t.rejects(deleteEntry(root, id), { message: /: is being released by process/ })
  t.equal(readdirSync('/proc/self/fd').length, open, 'all is closed')
  for (const from of [kept, released, taken(ENDED), taken(`${process.pid}-${ownTicks - 1}`)]) {
    const other = await build(t)
    other.move(from.replace(id, other.id))
    t.match(await deleteEntry(other.root, other.id), { id: other.id, grounds: 'virus' }, from)
    t.equal(other.place(), '')
    await t.rejects(deleteEntry(other.root, other.id), {
      message: `${other.id}: is not in quarantine`,
    })
  }
  t.same(readdirSync('/proc/self/fd').length, open + 4, 'but for the quarantines')
})

t.test('a foreign file is not released, and stays', async (t) => {
  const { id, folder, place, move, root, kept, released, taken } = await build(t)
  const text = readFileSync(join(folder, kept))
  for (const [from, to] of [
    [kept, kept],
    [released, released],
    [taken(ENDED), taken(own)],
  ] as const) {
    move(from)
    writeFileSync(join(folder, from), 'spoilt')
    await t.rejects(beginRelease(root, id, true), { kind: 'read', message: /it has no record/ })
    t.equal(place(), to)
  }
  move(kept)
  writeFileSync(join(folder, kept), text)
  appendFileSync(join(folder, kept), 'x')
  const release = await beginRelease(root, id, false)
  const reading = async () => {
    for await (const _ of release.opened.message());
  }
  await t.rejects(reading(), { message: /is not the message that was quarantined/ })
  await release.cancel()
})

t.test('the end of a release reports if the message has moved', async (t) => {
  const { id, place, move, root, released, taken } = await build(t)
  const release = await beginRelease(root, id, false)
  move(released)
  await t.rejects(release.finish(), { code: 'ENOENT' })
  const again = await beginRelease(root, id, true)
  t.equal(place(), taken(own, 'PS'))
  await again.cancel()
})

/**
 * Moves a message while a call waits for its first thread: between the look for it and the next call.
 * Resolves to the result of the call.
 */
async function whileItMoves<Result>(
  t: Test,
  call: () => Promise<Result>,
  move: () => void,
): Promise<Result | string> {
  const fifo = join(makeQuarantine(t), 'fifo')
  execFileSync('mkfifo', [fifo])
  const waiting = Array.from({ length: THREADS }, () => open(fifo, 'r'))
  const result = call().catch((error) => String(error.message))
  move()
  const writer = openSync(fifo, constants.O_RDWR)
  for (const reader of await Promise.all(waiting)) await reader.close()
  closeSync(writer)
  return result
}

t.test('a message that another process moves meanwhile is looked for again', async (t) => {
  const { id, folder, place, move, root, kept, released, taken } = await build(t)
  const begin = (again: boolean) => () => beginRelease(root, id, again)
  const to = (where: string) => () => move(where)
  t.match(await whileItMoves(t, begin(false), to(taken(OTHER))), 'is being released by process')
  t.match(await whileItMoves(t, begin(false), to(released)), 'has been released')
  move(kept)
  t.match(await whileItMoves(t, begin(false), to(taken(ENDED))), 'a release of it was interrupted')
  const release = await whileItMoves(t, begin(true), to(released))
  if (typeof release === 'string') throw new Error(release)
  t.equal(release.opened.entry.state, 'released')
  await release.cancel()
  t.equal(place(), released)

  move(kept)
  const remove = () => deleteEntry(root, id)
  t.match(await whileItMoves(t, remove, to(taken(OTHER))), 'is being released by process')
  move(taken(ENDED))
  t.match(await whileItMoves(t, remove, to(released)), { id, state: 'released' })
  t.equal(await remove().catch((error) => error.message), `${id}: is not in quarantine`)
  t.ok(existsSync(folder))
  rmSync(folder, { recursive: true })
  t.equal(await remove().catch((error) => error.message), `${id}: is not in quarantine`)
})

t.test('a message is looked for in the folders of its day alone', async (t) => {
  const directory = makeQuarantine(t)
  const days = Array.from({ length: 40 }, (_, day) => Date.parse(DAY) - day * 86_400_000)
  for (const day of days) await keepOne(directory, day)
  const id = await keepOne(directory, days[20]!)
  const { findInThread } = PathHandle.prototype
  const opened: string[] = []
  t.teardown(() => {
    PathHandle.prototype.findInThread = findInThread
  })
  PathHandle.prototype.findInThread = function (name) {
    opened.push(name)
    return findInThread.call(this, name)
  }
  await deleteEntry(await openFor(t, directory), id)
  const day = new Date(days[20]!).toISOString().slice(0, 10)
  t.same([...new Set(opened.filter((name) => /^\.\d/.test(name)))], [`.${day}`])
})
