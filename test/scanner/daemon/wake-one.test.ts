import '../../needs-addon.ts'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { ProcEntry } from '../../../src/base/process/proc-entry.ts'
import { until } from '../../run/until.ts'
import { childrenOf, runtimes, startOnescand } from './process.ts'

/** How many workers on one socket a connection wakes. */

const MESSAGES = 12

/** The number of times that a process has waited so far, proc_pid_status(5). */
function waitsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^voluntary_ctxt_switches:\s+([0-9]+)$/m.exec(status)?.[1])
}

/**
 * Waits until all workers are idle: a connection that a busy worker does not take is for another
 * one.
 */
async function untilIdle(workers: readonly number[]): Promise<void> {
  while (workers.some((pid) => new ProcEntry(pid).stat()?.state !== 'S')) {
    await new Promise((done) => setTimeout(done, 5))
  }
}

for (const { name, program } of runtimes) {
  t.test(`${name}: a connection wakes one worker, and the other sleeps on`, async (t) => {
    const onescand = await startOnescand(t, { program, args: ['--workers', '2'] })
    const workers = childrenOf(onescand.pid)
    t.equal(workers.length, 2)
    const ask = async () => {
      await untilIdle(workers)
      const { does } = await onescand.ask()
      if (does !== 'hand on') t.fail(does)
    }
    await ask()
    await untilIdle(workers)
    const wokenForAll = async () => {
      const before = workers.map(waitsOf)
      for (let n = 0; n < MESSAGES; n++) await ask()
      await untilIdle(workers)
      return workers.map((pid, index) => waitsOf(pid) - before[index]!)
    }
    // On a busy host the worker may not be back in time, and the other one rightly takes a
    // connection.
    // If each connection woke both workers, no round would succeed.
    let woken: number[] = []
    for (let round = 0; round < 8 && !(Math.min(...woken) < MESSAGES / 2); round++) {
      woken = await wokenForAll()
      t.comment(`woken for ${MESSAGES} messages: ${woken.join(' and ')} times`)
    }
    t.ok(Math.min(...woken) < MESSAGES / 2, 'but for its heartbeat')
    t.ok(Math.max(...woken) >= MESSAGES)

    const [first, second] = workers as [number, number]
    for (const stopped of [first, second]) {
      process.kill(stopped, 'SIGSTOP')
      await until(() => new ProcEntry(stopped).stat()?.state === 'T', 'the worker is stopped')
      t.match(await onescand.ask(), { does: 'hand on' }, 'one that is stopped is passed over')
      process.kill(stopped, 'SIGCONT')
      await untilIdle(workers)
    }

    process.kill(first, 'SIGKILL')
    t.match(await onescand.ask(), { does: 'hand on' }, 'so is one that has ended')
    await until(
      () => childrenOf(onescand.pid),
      'another worker takes its place',
      (now) => now.length === 2 && !now.includes(first),
    )
    process.kill(second, 'SIGKILL')
    t.match(await onescand.ask(), { does: 'hand on' }, 'whose successor takes connections, too')
  })
}
