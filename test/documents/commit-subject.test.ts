import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const hook = join(import.meta.dirname, '../../.githooks/commit-msg')

t.test('the hook lets a subject of 72 characters pass, and refuses one of 73', async (t) => {
  const file = join(t.testdir(), 'message')
  for (const [length, status] of [
    [72, 0],
    [73, 1],
  ] as const) {
    writeFileSync(file, `${'x'.repeat(length)}\n\n${'A body may have longer lines. '.repeat(9)}\n`)
    t.equal(spawnSync(hook, [file]).status, status, `${length}`)
  }
})
