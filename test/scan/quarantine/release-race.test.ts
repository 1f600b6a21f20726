import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readdirSync, renameSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { HostProcess } from '../../../src/ground/process/host-process.ts'
import { openQuarantine } from '../../../src/scan/quarantine/folders.ts'
import { beginRelease, deleteEntry } from '../../../src/scan/quarantine/release.ts'
import { keepOne, makeQuarantine } from './kept.ts'

/**
 * A message that another process moves between the look for it and the next call: it is looked for again,
 * and the answer is about the place where it is then.
 */

const DAY = '2026-11-21'
/** Threads on which libuv makes the calls of a process, at the most. */
const THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4)

/** Moves a message while a call waits for its first thread. Resolves with what the call says of it. */
async function whileItMoves<Result>(
  t: Test,
  call: () => Promise<Result>,
  move: () => void,
): Promise<Result | string> {
  const fifo = join(makeQuarantine(t), 'fifo')
  execFileSync('mkfifo', [fifo])
  const waiting = Array.from({ length: THREADS }, () => open(fifo, 'r'))
  const said = call().catch((error) => String(error.message))
  move()
  const writer = openSync(fifo, constants.O_RDWR)
  for (const reader of await Promise.all(waiting)) await reader.close()
  closeSync(writer)
  return said
}

/** A quarantine with a message, and what moves it as releases do. */
async function build(t: Test) {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.parse(`${DAY}T12:00:00Z`))
  const root = openQuarantine(directory)
  t.teardown(() => root.close())
  const folder = join(directory, `virus/.${DAY}`)
  const to = (part: string, file: string) => () => {
    const places = ['new', 'cur', 'tmp'].map((name) => join(folder, name))
    const from = places.find((place) => readdirSync(place).length > 0)!
    renameSync(join(from, readdirSync(from)[0]!), join(folder, part, file))
  }
  return {
    id,
    root,
    take: (started?: number) =>
      to('tmp', [`${id},S=17:2,.releasing-${process.pid}`, started].filter(Boolean).join('-'))(),
    takeAndDie: to('tmp', `${id},S=17:2,.releasing-4194305`),
    finish: to('cur', `${id},S=17:2,PS`),
    cancel: to('new', `${id},S=17`),
  }
}

t.test('a release finds where the message is now', async (t) => {
  const { id, root, take, takeAndDie, finish, cancel } = await build(t)
  const begin = (again: boolean) => () => beginRelease(root, id, again)
  t.match(await whileItMoves(t, begin(false), () => take()), `${id}: is being released by process`)
  t.match(await whileItMoves(t, begin(false), finish), `${id}: has been released; --again`)
  cancel()
  t.match(await whileItMoves(t, begin(false), takeAndDie), `${id}: a release of it was interrupted`)
  const release = await whileItMoves(t, begin(true), finish)
  if (typeof release === 'string') return t.fail(release)
  t.equal(release.entry.state, 'released')
  await release.cancel()
})

t.test('a message is not gone for a deletion because it was moved', async (t) => {
  const { id, root, take, takeAndDie, finish } = await build(t)
  const remove = () => deleteEntry(root, id)
  t.match(await whileItMoves(t, remove, () => take()), `${id}: is being released by process`)
  takeAndDie()
  t.match(await whileItMoves(t, remove, finish), { id, state: 'released' })
  t.equal(await remove().catch((error) => error.message), `${id}: is not in quarantine`)
})

t.test(
  'a release is of the process that began it, and of no later one of its number',
  async (t) => {
    const { id, root, take } = await build(t)
    const release = await beginRelease(root, id, false)
    await t.rejects(deleteEntry(root, id), /is being released by process/)
    await release.cancel()
    const own = new HostProcess(process.pid).ticksAtStart()
    take(own)
    await t.rejects(deleteEntry(root, id), /is being released by process/)
    take(own - 1)
    t.match(await deleteEntry(root, id), { id, state: 'releasing' }, 'another one took it')
  },
)
