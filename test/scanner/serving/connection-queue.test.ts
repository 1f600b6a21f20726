import '../../needs-addon.ts'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { queueTrouble } from '../../../src/scanner/serving/connection-queue.ts'

/** Whether connections wait in the kernel, which is tried before a process serves. */

t.test('connections of this runtime can wait', async (t) => {
  t.equal(await queueTrouble(), undefined)
})

/** Runtimes and hosts on which connections cannot wait, by a change to this process. */
const others = [
  [
    'a host that hides the descriptors of a process',
    "fs.readdirSync = () => { throw Object.assign(new Error('EACCES'), { code: 'EACCES' }) }",
    'EACCES',
  ],
  [
    'a runtime that waits otherwise',
    'fs.readdirSync = () => []',
    '/proc does not show what this runtime waits for',
  ],
] as const

for (const [what, change, reason] of others) {
  t.test(`${what} is reported`, async (t) => {
    const script = `
      import fs from 'node:fs'
      import net from 'node:net'
      import { syncBuiltinESMExports } from 'node:module'
      import { loadSystem } from './src/base/runtime/system.ts'
      loadSystem()
      ${change}
      syncBuiltinESMExports()
      const { queueTrouble } = await import('./src/scanner/serving/connection-queue.ts')
      console.log(await queueTrouble())`
    const cwd = join(import.meta.dirname, '../../..')
    const words = ['--input-type=module', '-e', script]
    const printed = execFileSync(process.execPath, words, { cwd, encoding: 'utf8' })
    t.match(printed, `connections cannot wait for another worker: ${reason}`)
  })
}
