import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { outputOf } from '../../run/until.ts'
import { pssOfTree } from './process-tree.ts'

const PAGES = 64 * 1024 * 1024
const program = `
  const held = Buffer.alloc(${PAGES}, 1)
  process.stdin.on('end', () => held).resume()
  process.stdout.write('ready')
`

t.test('the memory of a process includes that of its descendants', async (t) => {
  const before = pssOfTree(process.pid)
  const child = spawn('/bin/sh', ['-c', `"$0" -e "$1"; true`, process.execPath, program])
  await outputOf(child)
  const grown = pssOfTree(process.pid) - before
  t.ok(grown > 60 && grown < 400, `${grown} MB`)
  child.stdin.end()
  await once(child, 'close')
  t.equal(pssOfTree(child.pid!), 0, 'nothing is left of what has ended')
})
