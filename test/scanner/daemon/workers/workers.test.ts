import { renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Workers } from '../../../../src/scanner/daemon/workers/workers.ts'
import { HostMemory } from '../../../../src/scanner/scan/verdicts/host-memory.ts'
import { mountHanging } from '../../../base/path/hanging.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { cannotMount } from '../../doors/slot/socket/hostile-descriptors.ts'

/** How the first process of onescand starts workers, and starts others in their place. */

// Starts that fail are repeated after seconds.
t.jobs = 4

/** A worker that reports once when it serves, and does nothing else. */
const script = `
  process.send({ kind: 'serving', addresses: [] })
  process.send({ kind: 'report' })
  process.on('message', ({ order }) => order === 'stop' && process.exit(0))`

/** Starts one worker with this command, and gathers what is reported about it. */
function workersOf(command: readonly [string, ...string[]], grace: number) {
  const [log, pids] = [[] as string[], [] as number[]]
  const lasting: number[] = []
  let changed = () => {}
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise<void>((resolve) => (changed = resolve))
  }
  const workers = new Workers({
    count: 1,
    command,
    fds: [],
    grace,
    log(line) {
      log.push(line)
      changed()
    },
    onReport(pid) {
      pids.push(pid)
      changed()
    },
    onAnswer() {},
    onEnd() {},
    onLasting: (milliseconds) => void lasting.push(milliseconds),
    memory: new HostMemory(),
  })
  return { workers, log, pids, lasting, until }
}

/** Starts one worker, whose program can be taken away. */
async function startWorker(t: Ending) {
  const directory = socketDirectory(t)
  const [program, away] = [join(directory, 'program'), join(directory, 'away')]
  symlinkSync(process.execPath, program)
  writeFileSync(join(directory, 'worker.cjs'), script)
  const command = [program, join(directory, 'worker.cjs')] as const
  const { workers, log, pids, until } = workersOf(command, 1000)
  await workers.ready
  await until(() => pids.length === 1)
  const failures = () => log.filter((line) => line.includes('cannot be started')).length
  return {
    workers,
    log,
    pids,
    /** Takes the program away and kills the worker. Resolves when two starts have failed. */
    async breakProgram() {
      renameSync(program, away)
      process.kill(pids[0]!, 'SIGKILL')
      await until(() => failures() === 2)
    },
    mendProgram: () => renameSync(away, program),
    secondWorker: () => until(() => pids.length === 2),
  }
}

t.test('a worker that cannot be started is tried again until it starts', async (t) => {
  const { workers, log, pids, breakProgram, mendProgram, secondWorker } = await startWorker(t)
  await breakProgram()
  t.match(log[1], /^a worker cannot be started: .*: no such file or directory$/)
  t.same(workers.state(), { replaced: 1, hung: 0, late: [] })
  mendProgram()
  await secondWorker()
  t.not(pids[1], pids[0])
  await workers.stop()
})

t.test('onescand stops while a worker cannot be started', async (t) => {
  const { workers, log, breakProgram } = await startWorker(t)
  await breakProgram()
  await workers.stop()
  t.equal(log.length, 3, 'one end and two failed starts')
})

/** Milliseconds beyond which a worker is killed that was to stop at once, and sends nothing. */
const KILLED_AFTER = 3000

/** A worker that must answer for longer than that when it is to stop. */
const answering = `
  process.send({ kind: 'serving', addresses: [] })
  process.on('message', ({ order }) => {
    if (order !== 'stop') return
    let left = ${KILLED_AFTER / 500 + 2}
    setInterval(() => {
      if (left-- > 0) process.send({ kind: 'heartbeat', mustAnswer: true })
      else process.send({ kind: 'report' }, () => process.exit(0))
    }, 500)
  })`

t.test('a worker is not killed while it reports that it must answer', async (t) => {
  const directory = socketDirectory(t)
  writeFileSync(join(directory, 'worker.cjs'), answering)
  const command = [process.execPath, join(directory, 'worker.cjs')] as const
  const { workers, pids, lasting } = workersOf(command, 0)
  await workers.ready
  await workers.stop()
  t.equal(pids.length, 1, 'it came to its end')
  t.ok(lasting.length > 1)
  t.ok(lasting.every((milliseconds) => milliseconds > KILLED_AFTER))
})

/** A worker that hangs while it reads the file that it is given, and cannot be killed. */
const hanging = `
  process.send({ kind: 'serving', addresses: [] })
  process.send({ kind: 'report' })
  process.on('message', ({ order }) => order === 'stop' && process.exit(0))
  require('node:fs').readFile(process.argv[2], () => {})
  setTimeout(() => process.kill(process.pid, 'SIGSTOP'), 500)`

// promise: stopped-worker
t.test(
  'a worker that survives SIGKILL is replaced, and not waited for',
  { skip: cannotMount },
  async (t) => {
    const directory = socketDirectory(t)
    const files = await mountHanging(t, join(directory, 'mount'), { operations: ['READ'] })
    writeFileSync(join(directory, 'worker.cjs'), hanging)
    const command = [
      process.execPath,
      join(directory, 'worker.cjs'),
      `${files.directory}/file`,
    ] as const
    const { workers, log, pids, until } = workersOf(command, 0)
    await workers.ready
    await until(() => log.at(-1)?.includes('it is not replaced until one has exited') === true)
    t.same(workers.state(), { replaced: 2, hung: 3, late: [] })
    await files.end()
    await until(() => pids.length >= 4)
    await workers.stop()
  },
)
