import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newest } from './slot.ts'

/** Each takes the compiled slot 0.3 to 3 ms, and not all mail needs it. */
const loadedLate = [
  ...['net', 'tls', 'http', 'dgram', 'dns', 'worker_threads', 'zlib', 'child_process'],
  ...['crypto', 'stream', 'fs/promises'],
]

t.test(
  'before it reads a message, onescan-queue loads no module that not all mail needs',
  async (t) => {
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
    // A file is a log. If descriptor 2 were none, a program would be run to write to the system's.
    const names = join(t.testdirName, 'names')
    const log = openSync(names, 'w')
    const { stdout } = spawnSync(node, ['-r', teller, bundle, '--version'], {
      stdio: ['ignore', 'pipe', log],
    })
    closeSync(log)
    t.match(String(stdout), /^onescan-queue /)
    const loaded = new Set(
      readFileSync(names, 'utf8')
        .split('\n')
        .map((name) => name.replace('node:', '')),
    )
    t.ok(loaded.has('fs'), 'they are informed')
    const early = loadedLate.filter((name) => loaded.has(name))
    t.same(early, [])
  },
)
