import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { commandToOpen } from '../../../src/base/path/command-to-open.ts'
import { becomePlain } from '../../programs/host/plain-account.ts'
import { openDirectory } from '../../programs/host/reachable.ts'

/** The commands that open a file, each carried out. */

becomePlain()

t.test('each command succeeds, and the last one makes the file readable', async (t) => {
  const above = openDirectory(t)
  const directory = join(above, 'closed')
  const file = join(directory, 'a file')
  mkdirSync(directory)
  writeFileSync(file, 'text')
  chmodSync(file, 0)
  chmodSync(directory, 0)
  t.throws(() => readFileSync(file))
  const commands = [commandToOpen(file)]
  execFileSync('sh', ['-c', commands[0]!])
  commands.push(commandToOpen(file))
  execFileSync('sh', ['-c', commands[1]!])
  t.same(commands, [`chmod a+x ${directory}`, `chmod a+r '${file}'`])
  t.equal(readFileSync(file, 'utf8'), 'text')
  chmodSync(directory, 0o700) // for its removal
})

t.test('a file in a closed directory is not named: it may not exist', async (t) => {
  const closed = join(openDirectory(t), 'closed')
  mkdirSync(join(closed, 'inside'), { recursive: true })
  writeFileSync(join(closed, 'inside/other'), '')
  chmodSync(closed, 0o600)
  const command = commandToOpen(join(closed, 'inside/none'))
  t.equal(command, `chmod a+x ${closed}`)
  execFileSync('sh', ['-c', command])
})
