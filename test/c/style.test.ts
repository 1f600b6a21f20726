import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../needs.mjs'
import { missing } from './built-in-c.ts'

/** The format of the programs in C, and the findings of tools that do not run them. */

const root = join(import.meta.dirname, '../..')
const below = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
const files = below.filter((name) => /\.[ch]$/.test(name)).map((name) => join(root, 'src', name))

t.test(
  'the files are as clang-format has them',
  {
    skip: lacks('clang-format'),
  },
  async (t) => {
    t.ok(files.length > 15)
    const run = spawnSync('clang-format', ['--dry-run', '--Werror', ...files], {
      encoding: 'latin1',
    })
    t.equal(run.stderr, '')
  },
)

t.test(
  'the analyzer of gcc finds nothing in them',
  {
    skip: missing || lacks('gcc'),
  },
  async (t) => {
    for (const file of files.filter((name) => name.endsWith('.c'))) {
      const flags = [
        '-fanalyzer',
        '-std=c11',
        '-D_FILE_OFFSET_BITS=64',
        '-O1',
        '-Wall',
        '-Werror',
        '-DVERSION="0"',
        '-DRUNTIME_SIZE=0',
        `-isystem${join(root, 'node_modules/node-api-headers/include')}`,
      ]
      t.doesNotThrow(() => execFileSync('gcc', [...flags, '-c', '-o', '/dev/null', file]), file)
    }
  },
)
