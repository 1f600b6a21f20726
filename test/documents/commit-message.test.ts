import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const hook = join(import.meta.dirname, '../../.githooks/commit-msg')

t.test('the hook refuses a subject over 72 characters, and a commit without a body', async (t) => {
  const file = join(t.testdir(), 'message')
  const body = 'A body may have longer lines. '.repeat(9)
  const comment = '# Please enter the commit message\n#\n'
  const diff = '# ------------------------ >8 ------------------------\ndiff --git a/b b/b\n'
  const messages: readonly (readonly [string, number])[] = [
    [`${'x'.repeat(72)}\n\n${body}\n`, 0],
    [`${'x'.repeat(73)}\n\n${body}\n`, 1],
    [`\n${comment}Subject\n\n${comment}${body}\n${diff}`, 0],
    ['Subject\n', 1],
    ['Subject', 1],
    [`Subject\n\n${comment}${diff}`, 1],
    ['Subject\n\nSigned-off-by: A <a@example.org>\n', 1],
    ['fixup! Subject\n', 0],
  ]
  for (const [message, status] of messages) {
    writeFileSync(file, message)
    t.equal(spawnSync(hook, [file]).status, status, message)
  }
})
