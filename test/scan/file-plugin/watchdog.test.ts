import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bun } from '../../../packaging/toolchain/toolchain.mjs'
import { startWatchdog } from '../../../src/scan/file-plugin/watchdog.ts'

/** The shell that ends a plugin's process group if onescand is killed. */

const program = join(import.meta.dirname, 'start-watchdog.ts')

for (const [name, runtime] of [
  ['Node', process.execPath],
  ['Bun', bun()],
] as const) {
  const skip = !existsSync(runtime) && 'run npm test, which installs Bun'
  t.test(`on ${name} a group ends even if its starter is killed at once`, { skip }, async (t) => {
    const starter = spawn(runtime, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(starter.stdout.resume(), 'end') // when no process of the group is left
    t.equal(starter.signalCode ?? (await once(starter, 'exit'))[1], 'SIGKILL')
  })
}

t.test('a watchdog that is dismissed ends and leaves its group alone', async (t) => {
  const group = spawn('sleep', ['3600'], { detached: true, stdio: 'ignore' })
  const before = children()
  const watchdog = startWatchdog(group.pid!)
  t.equal(children().length, before.length + 1)
  watchdog.dismiss()
  while (children().length > before.length) await new Promise(setImmediate)
  t.ok(group.kill('SIGTERM'), 'it was alive')
  t.equal((await once(group, 'exit'))[1], 'SIGTERM')
})

/** Process ids of the children that this process has. */
function children(): string[] {
  const list = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'latin1')
  return list.split(' ').filter(Boolean)
}
