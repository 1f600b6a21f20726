import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { descriptorLimit } from '../../../src/base/process/descriptors.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { isWhole } from '../../run/is-whole.ts'
import { call, type Line, negotiate } from '../doors/milter/mta.ts'
import { quickest, startOnescand } from './process.ts'

/** The sessions that one worker holds. */
const HELD_BY_WORKER = 1000
/** Clients that connect at once: fewer than may wait in the kernel. */
const AT_ONCE = 100
/** The descriptors of onescand, and of this test, which has the other ends. */
const DESCRIPTORS = 12_000

/** Opens sessions, which negotiate once a worker serves them. Resolves when each is connected. */
async function openSessions(t: Test, place: string, count: number) {
  const lines: Line[] = []
  const answers: Promise<unknown>[] = []
  t.teardown(() => {
    for (const line of lines) line.socket.destroy()
  })
  while (lines.length < count) {
    const more = Array.from({ length: Math.min(AT_ONCE, count - lines.length) }, () =>
      connect(place),
    )
    for (const line of await Promise.all(more)) {
      lines.push(line)
      answers.push(negotiate(line))
    }
  }
  return { lines, answers }
}

/** Connects, and tries again while as many clients wait in the kernel as may: such a socket has no room (EAGAIN). */
async function connect(place: string): Promise<Line> {
  for (;;) {
    try {
      return await call(place)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await setTimeout(20)
    }
  }
}

const held = ({ socket }: Line) => !socket.destroyed && !socket.readableEnded

const crowds = [
  { workers: 2, sessions: 1_500 },
  ...(isWhole ? [{ workers: 12, sessions: 10_000 }] : []),
]

const skip = descriptorLimit() < DESCRIPTORS && `fewer than ${DESCRIPTORS} descriptors`

for (const { workers, sessions } of crowds) {
  t.test(`${workers} workers hold ${sessions} idle sessions of MTAs`, { skip }, async (t) => {
    const { place } = await startMilter(t, workers)
    const { lines, answers } = await openSessions(t, place, sessions)
    await Promise.all(answers)
    t.equal(lines.filter(held).length, sessions)
  })
}

t.test(
  'a session for which no worker has room is served when another one ends',
  { skip },
  async (t) => {
    const { place, logged } = await startMilter(t, 1)
    const { lines, answers } = await openSessions(t, place, HELD_BY_WORKER + 1)
    await logged(/over 1000 connections at once; others wait/)
    await Promise.all(answers.slice(0, HELD_BY_WORKER))
    t.equal(lines.filter(held).length, HELD_BY_WORKER + 1)
    await lines[0]!.close()
    await answers.at(-1)
    t.equal(lines.filter(held).length, HELD_BY_WORKER)
  },
)

/** Starts onescand with a milter at `place`. */
async function startMilter(t: Test, workers: number) {
  const place = join(socketDirectory(t), 'm')
  const program = ['/bin/sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`, ...quickest]
  const args = ['--workers', String(workers), '--milter', `unix:${place}`]
  const settings = { QHPSI: 'plugin: eicar' }
  const { logged } = await startOnescand(t, { program, args, settings })
  return { place, logged }
}
