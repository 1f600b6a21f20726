import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { slotEnvironment } from '../../../../src/scanner/cli/host/slot-environment.ts'
import { lacks } from '../../../needs.mjs'

const files = {
  PLAIN: 'value\n',
  BLANKS: '  kept in front, not behind \t \nsecond line\n',
  NUL: 'one\0two',
  EMPTY: '',
  EMPTYLINE: '\n',
  '.hidden': 'no',
}

const envdir = '/usr/bin/envdir'

/** The variables of a directory alone. */
const read = (directory: string) => slotEnvironment({}, { envdir: directory, env: [] })

const missing = lacks('envdir')

t.test('a directory is read by the rules of envdir(8)', { skip: missing }, async (t) => {
  const directory = t.testdir(files)
  const env = { EMPTY: 'was here', PATH: '/usr/bin:/bin' }
  const { stdout } = spawnSync(envdir, [directory, 'env', '-0'], { env })
  const theirs = stdout.toString().split('\0').filter(Boolean).sort()
  const ours = Object.entries(slotEnvironment(env, { envdir: directory, env: [] }))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
  t.same(ours.sort(), theirs)
})

t.test('single variables win over the directory, and that over the inherited', async (t) => {
  const directory = t.testdir({ A: 'directory', B: 'directory' })
  const base = { A: 'inherited', B: 'inherited', C: 'inherited' }
  const env = slotEnvironment(base, { envdir: directory, env: ['A=x=y', 'D='] })
  t.same(env, { A: 'x=y', B: 'directory', C: 'inherited', D: '' })
})

t.test(
  'a directory that is missing, or a word that is not an assignment, is reported',
  async (t) => {
    t.throws(() => read(join(t.testdir({}), 'missing')), /--envdir .*no such file or directory/)
    t.throws(() => slotEnvironment({}, { envdir: undefined, env: ['A'] }), /must be KEY=VALUE/)
    t.throws(() => slotEnvironment({}, { envdir: undefined, env: ['=A'] }), /must be KEY=VALUE/)
    t.throws(
      () => slotEnvironment({}, { envdir: undefined, env: ['REJECTVIRSU=1'] }),
      /^--env: REJECTVIRSU is not a setting: no program reads it; did you mean REJECTVIRUS\?$/,
    )
  },
)

// promise: root-paths
t.test('a FIFO in the directory is reported, and not waited for', async (t) => {
  const directory = t.testdir({})
  execFileSync('mkfifo', [join(directory, 'QHPSI')])
  t.throws(() => read(directory), /QHPSI is not a regular file/)
})
