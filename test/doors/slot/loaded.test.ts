import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newest } from './slot.ts'

/** Each takes the compiled slot 1 to 3 ms, and not all mail needs it. */
const loadedLate = ['net', 'tls', 'http', 'dgram', 'dns', 'worker_threads', 'zlib', 'child_process']

t.test('before it reads a message, the slot loads no module that not all mail needs', async (t) => {
  const teller = join(t.testdir(), 'teller.cjs')
  writeFileSync(
    teller,
    `const { writeSync } = require('node:fs')
    const Module = require('node:module')
    const load = Module._load
    Module._load = (name, ...more) => {
      writeSync(2, name + '\\n')
      return load(name, ...more)
    }`,
  )
  const [node = '', bundle = ''] = newest
  // As tcpserver has it, descriptor 2 is the log: to any other one a program writes.
  const env = { PROTO: 'TCP' }
  const { stdout, stderr } = spawnSync(node, ['-r', teller, bundle, '--version'], { env })
  t.match(String(stdout), /^onescan-queue /)
  const loaded = new Set(
    String(stderr)
      .split('\n')
      .map((name) => name.replace('node:', '')),
  )
  t.ok(loaded.has('fs'), 'they are told')
  const early = loadedLate.filter((name) => loaded.has(name))
  t.same(early, [])
})
