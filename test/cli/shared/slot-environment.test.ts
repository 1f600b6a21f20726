import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readEnvdir, slotEnvironment } from '../../../src/cli/shared/slot-environment.ts'

const files = {
  PLAIN: 'value\n',
  BLANKS: '  kept in front, not behind \t \nsecond line\n',
  NUL: 'one\0two',
  EMPTY: '',
  EMPTYLINE: '\n',
  '.hidden': 'no',
}

const envdir = '/usr/bin/envdir'
const missing = spawnSync(envdir).error !== undefined && 'install Debian package daemontools'

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

t.test(
  'single variables win over the directory, and the directory over what is inherited',
  async (t) => {
    const directory = t.testdir({ A: 'directory', B: 'directory' })
    const base = { A: 'inherited', B: 'inherited', C: 'inherited' }
    const env = slotEnvironment(base, { envdir: directory, env: ['A=x=y', 'D='] })
    t.same(env, { A: 'x=y', B: 'directory', C: 'inherited', D: '' })
  },
)

t.test('a directory that is missing, or a word that is no assignment, is reported', async (t) => {
  t.throws(() => readEnvdir(join(t.testdir({}), 'missing')), /--envdir .*ENOENT/)
  t.throws(() => slotEnvironment({}, { envdir: undefined, env: ['A'] }), /must be KEY=VALUE/)
  t.throws(() => slotEnvironment({}, { envdir: undefined, env: ['=A'] }), /must be KEY=VALUE/)
})

// promise: root-paths
t.test('a FIFO in the directory is reported, and not waited for', async (t) => {
  const directory = t.testdir({})
  execFileSync('mkfifo', [join(directory, 'QHPSI')])
  t.throws(() => readEnvdir(directory), /QHPSI is not a regular file/)
})

const notRoot = process.getuid?.() !== 0 && 'run as root'

// promise: root-envdir-secret
t.test(
  'root takes no variables that somebody else could have written',
  { skip: notRoot },
  async (t) => {
    const directory = t.testdir({ own: 'mine\n', env: { A: 'a\n' } })
    const env = join(directory, 'env')
    symlinkSync('../own', join(env, 'B'))
    t.same(readEnvdir(env), { A: 'a', B: 'mine' }, "all of it is root's")
    const attempts: [string, () => void, () => void][] = [
      ['a file', () => chownSync(join(env, 'A'), 54_321, 0), () => chownSync(join(env, 'A'), 0, 0)],
      ['its mode', () => chmodSync(join(env, 'A'), 0o666), () => chmodSync(join(env, 'A'), 0o644)],
      [
        'the target of a link',
        () => chownSync(join(directory, 'own'), 54_321, 0),
        () => chownSync(join(directory, 'own'), 0, 0),
      ],
      ['the directory', () => chownSync(env, 54_321, 0), () => chownSync(env, 0, 0)],
      ["a group's directory", () => chmodSync(env, 0o775), () => chmodSync(env, 0o755)],
      [
        'the directory above',
        () => chownSync(directory, 54_321, 0),
        () => chownSync(directory, 0, 0),
      ],
    ]
    for (const [what, give, take] of attempts) {
      give()
      t.throws(() => readEnvdir(env), /may write to .*, and root obeys nobody else; run /, what)
      take()
      t.same(readEnvdir(env), { A: 'a', B: 'mine' })
    }
  },
)
