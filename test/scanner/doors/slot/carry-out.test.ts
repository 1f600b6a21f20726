import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const source = join(import.meta.dirname, '../../../../src')
const carryOutFile = join(source, 'scanner/doors/slot/standalone/standalone-carry-out.ts')
const headerBlock = join(source, 'mail/message/header-block.ts')

/** Without descriptor 0, the file of the message takes that number, and is gone once that is closed. */
const script = (directory: string) => `
  import { closeSync } from 'node:fs'
  import { executeNext } from ${JSON.stringify(carryOutFile)}
  import { NO_EDITS } from ${JSON.stringify(headerBlock)}
  const bytes = Buffer.from('Subject: x\\n\\n')
  const message = { header: { fields: [], bytes }, body: { chunks: () => [bytes] } }
  const nextProgram = { program: '/bin/true', args: [], environment: {}, self: process.execPath }
  closeSync(0)
  try {
    executeNext(
      { message, edits: NO_EDITS, envelope: { wire: bytes } },
      { nextProgram, directory: ${JSON.stringify(directory)} },
      () => console.error('logged'),
    )
  } catch (error) {
    console.error('failed:', error.stack)
  }`

t.test('a message that the next program cannot get is not logged as accepted', async (t) => {
  const { stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', script(t.testdir())],
    { encoding: 'utf8' },
  )
  t.match(stderr, 'failed:')
  t.notMatch(stderr, 'logged')
})
