import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attempt } from '../../../../src/base/errors/fault.ts'
import { lacks } from '../../../needs.mjs'
import { reachable } from '../../../programs/host/reachable.ts'
import { until } from '../../../run/until.ts'
import { bundle } from '../onescan.ts'
import {
  asNobody,
  asRoot,
  mail,
  NOBODY,
  native,
  placeForAll,
  processesIn,
  scanner,
  skip,
} from './typed-by-root.ts'

/** What the account that works for root inherits, sees and may do. */

// promise: root-secrets, root-envdir-secret
t.test(
  'the account inherits settings and PATH from root, and no further right',
  { skip },
  async (t) => {
    const place = placeForAll(t)
    const script = `id -u >${place}/uid; id -G >${place}/groups; pwd >${place}/pwd
grep -E '^Cap(Prm|Eff|Inh|Amb|Bnd)' /proc/self/status >${place}/of-scanner
until test -e ${place}/seen; do sleep 0.1; done
exit 0`
    const secrets = { RESTIC_PASSWORD: 'secret', API_KEY: 'secret', HOME: '/root/secret' }
    const loaders = { LD_PRELOAD: '/secret', BASH_ENV: '/secret', NODE_OPTIONS: '' }
    const temporary = { TMPDIR: '/tmp/user/0', TMP: '/tmp/user/0' } // libpam-tmpdir
    const env = { ...secrets, ...loaders, ...temporary, SCANTIMEOUT: '77' }
    const words = ['scan', '--env', scanner(place, script), ...asNobody, '-']
    const run = asRoot(words, { env, input: mail })
    const own = () => processesIn(place).find(({ pid }) => /onescan/.test(commandOf(pid)))
    await until(
      () => existsSync(join(place, 'of-scanner')) && own() !== undefined,
      'the scanner runs',
    )
    const found = own()!
    const environ = readFileSync(found.at('environ'), 'latin1') // a scanner may not look there
    const status = readFileSync(found.at('status'), 'latin1')
    const session = (pid: string) => readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[5]
    t.not(session(found.pid), session('self'))
    writeFileSync(join(place, 'seen'), '')
    const { code, err } = await run
    t.equal(code, 0, err)
    const recorded = (name: string) => readFileSync(join(place, name), 'latin1').trim()
    t.equal(recorded('uid'), String(NOBODY))
    t.notMatch(` ${recorded('groups')} `, ' 0 ')
    t.notMatch(environ, /secret|user\/0/)
    t.ok(environ.split('\0').includes('SCANTIMEOUT=77'))
    t.match(status, /^NoNewPrivs:\t1$/m)
    t.match(status, /^CapInh:\t0+\nCapPrm:\t0+\nCapEff:\t0+\nCapBnd:\t0+\nCapAmb:\t0+$/m)
    t.match(recorded('of-scanner'), /^(Cap\w+:\t0+\n?){5}$/)
  },
)

const commandOf = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'latin1')

// promise: root-quarantine-session
t.test('the command sees no other process, and its children end with it', { skip }, async (t) => {
  const place = placeForAll(t)
  const names = `ls /proc | grep '^[0-9]' >${place}/seen
setsid sh -c 'echo >${place}/left; exec sleep 1000 ${place}' </dev/null >/dev/null 2>&1 &
until test -e ${place}/left; do sleep 0.1; done`
  const words = ['scan', '--env', scanner(place, names), ...asNobody, '-']
  const { code, err } = await asRoot(words, { input: mail })
  t.equal(code, 0, err)
  const seen = readFileSync(join(place, 'seen'), 'latin1').trim().split('\n')
  t.ok(seen.includes('1') && seen.length < 10, seen.join(' '))
  await until(() => processesIn(place).length === 0, 'none is left')
})

// promise: root-quarantine-session
t.test(
  'it gets no file that root has open, and no key',
  { skip: skip || lacks('python3') },
  async (t) => {
    const place = placeForAll(t)
    const secret = join(place, 'secret')
    writeFileSync(secret, 'of root', { mode: 0o600 })
    const calls = `import ctypes, os, sys
libc = ctypes.CDLL(None)
keyctl, add_key = (250, 248) if os.uname().machine == 'x86_64' else (219, 217)
session = ctypes.c_int(-3)\n`
    // Of what it works for, a scanner may not see the files.
    const look = `${calls}
import time
open('${place}/found', 'w').write(str(libc.syscall(keyctl, 10, session, b'user', b'onescan', 0)))
print(os.getppid(), file=open('${place}/pid', 'w'))
while os.path.exists('${place}/pid'): time.sleep(0.1)\n`
    writeFileSync(join(place, 'look'), `#!/usr/bin/python3\n${look}`, { mode: 0o755 })
    const start = `${calls}
libc.syscall(keyctl, 1, None)
libc.syscall(add_key, b'user', b'onescan', b'of root', 7, session)
assert libc.syscall(keyctl, 10, session, b'user', b'onescan', 0) > 0
os.dup2(os.open('${secret}', os.O_RDONLY), 99)
os.execv(sys.argv[1], sys.argv[1:])`
    const words = ['scan', '--env', `QHPSI=${place}/look %s`, ...asNobody, '-']
    const programs = [
      [process.execPath, bundle].map(reachable),
      ...(existsSync(native) ? [[reachable(native)]] : []),
    ]
    for (const program of programs) {
      const run = spawn('/usr/bin/python3', ['-c', start, ...program, ...words])
      run.stdin.end(mail)
      run.stdout.resume()
      await until(() => existsSync(join(place, 'pid')), 'the scanner runs')
      const files = processesIn(place).flatMap(({ pid }) =>
        readdirSync(`/proc/${pid}/fd`).map((fd) =>
          attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)),
        ),
      )
      rmSync(join(place, 'pid'))
      t.same(await once(run, 'exit'), [0, null])
      t.equal(readFileSync(join(place, 'found'), 'latin1'), '-1', 'no key')
      t.ok(files.some((file) => /^(pipe|socket):/.test(file ?? '')))
      t.notOk(files.includes(secret))
      rmSync(join(place, 'found'))
    }
  },
)

// promise: root-secrets
t.test("programs of the account do not see root's own directory", { skip }, async (t) => {
  const place = placeForAll(t)
  const cwd = join(place, 'closed/open')
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(cwd, 'secret'), mail)
  chmodSync(join(place, 'closed'), 0o700)
  const look = scanner(
    place,
    `cat secret >${place}/seen; cat /proc/self/cwd/secret >>${place}/seen; exit 0`,
  )
  const scan = (...words: readonly string[]) =>
    spawnSync(process.execPath, [bundle, 'scan', ...asNobody, '--env', look, ...words], {
      cwd,
      encoding: 'utf8',
      input: mail,
    })
  t.match(scan('-').stdout, '1 message: 1 clean')
  t.equal(readFileSync(join(place, 'seen'), 'latin1'), '')
  const expected = 'secret: unknown: nobody may not enter this directory; use - <FILE instead'
  t.match(scan('secret').stdout, expected)
  chmodSync(join(place, 'closed'), 0o755)
  t.match(scan('secret').stdout, '1 message: 1 clean', 'a name is looked for where root is')
})
