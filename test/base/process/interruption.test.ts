import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'

/** What a command does at a signal, as a process of its own. */

const module = join(import.meta.dirname, '../../../src/base/process/command-line.ts')

/** Runs a script that prints `ready`, sends it a signal then, and returns how it ended. */
async function interrupt(script: string, signal: NodeJS.Signals) {
  const source = `import { whenInterrupted } from '${module}'
    ${script}
    setInterval(() => {}, 1000)
    console.log('ready')`
  const words = ['--input-type=module', '--eval', source]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] })
  child.stdout.once('data', () => child.kill(signal))
  const [out, [code, by]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { out, code, by }
}

t.test('a signal has it clean up, and end as a command that failed', async (t) => {
  const script = `whenInterrupted(() => console.log('cleaned up'))`
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    t.same(
      await interrupt(script, signal),
      { out: 'ready\ncleaned up\n', code: 2, by: null },
      signal,
    )
  }
})

t.test('when there is nothing left to clean up, a signal does what it always does', async (t) => {
  const script = `whenInterrupted(() => console.log('cleaned up'))()`
  t.same(await interrupt(script, 'SIGTERM'), { out: 'ready\n', code: null, by: 'SIGTERM' })
})
