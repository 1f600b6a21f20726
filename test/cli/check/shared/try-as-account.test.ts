import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { findProgram } from '../../../programs/install.mjs'
import { openDirectory, reachable } from '../../../programs/reachable.ts'
import { atTerminal, terminalsObey, typist } from '../../../programs/terminal.ts'
import { startService, tcpserver } from '../service.ts'

/** Root runs `onescan check` with settings that somebody else wrote. */

const root = join(import.meta.dirname, '../../../..')
const notRoot = process.getuid?.() !== 0 && 'run as root'
const compilerMissing = !findProgram('cc') && 'install Debian package gcc'
const nativeMissing = !existsSync(join(root, 'build/native/onescan')) && 'run npm run build:native'

/** The programs, compiled and on Node, in a directory that all users may enter. */
const programs = {
  compiled: { onescan: ['build/native/onescan'], slot: 'build/native/onescan-queue' },
  'on Node': { onescan: [process.execPath, 'dist/onescan.cjs'], slot: 'bin/onescan-queue' },
} as const
type How = keyof typeof programs

const commandOf = (how: How): [string, ...string[]] => {
  const [program, ...words] = programs[how].onescan.map((path) => reachable(resolve(root, path)))
  return [program!, ...words]
}

/** Settings of a service of which each program writes down the user that runs it. */
function hostileService(directory: string, how: How) {
  const log = join(directory, 'log')
  mkdirSync(log)
  chmodSync(log, 0o1777)
  const note = (who: string) => `echo ${who} $(/usr/bin/id -u) >>${log}/$$-${who}`
  const program = (path: string, text: string) => {
    mkdirSync(join(directory, path, '..'), { recursive: true })
    writeFileSync(join(directory, path), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  }
  writeFileSync(
    join(directory, 'preload.c'),
    `#include <fcntl.h>
    #include <stdio.h>
    #include <unistd.h>
    __attribute__((constructor)) static void note(void) {
      char path[200];
      snprintf(path, sizeof path, "${log}/%d-preload", (int)getpid());
      int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
      if (fd >= 0) { dprintf(fd, "preload %d\\n", (int)getuid()); close(fd); }
    }\n`,
  )
  const preload = join(directory, 'preload.so')
  execFileSync('cc', ['-shared', '-fPIC', '-o', preload, join(directory, 'preload.c')])
  program('path/node', `${note('node')}; exit 1`)
  program('path/scanner', `${note('scanner')}; exit 1`)
  program('home/bin/qmail-smtpd', `# QMAILQUEUE\n${note('smtpd')}`)
  program('home/bin/qmail-queue', `${note('queue')}`)
  program(
    'path/onescan-queue',
    `${note('slot')}; exec ${reachable(join(root, programs[how].slot))}`,
  )
  mkdirSync(join(directory, 'home/control'))
  mkdirSync(join(directory, 'plugins'))
  writeFileSync(
    join(directory, 'plugins/hostile.mjs'),
    `import { appendFileSync } from 'node:fs'
    const note = () => appendFileSync('${log}/' + process.pid + '-plugin', 'plugin ' + process.getuid() + '\\n')
    note()
    export default () => { note(); return { clean: true } }
    export const virusscan = () => { note(); return { clean: true } }\n`,
  )
  const variables = {
    LD_PRELOAD: preload,
    NODE_OPTIONS: '--require=/nonexistent',
    BUN_OPTIONS: '--version',
    PATH: `${directory}/path:/usr/bin:/bin`,
    QMAILHOME: `${directory}/home`,
    QMAILQUEUE: `${directory}/path/onescan-queue`,
    QUEUECHAIN: `/bin/sh -c '${note('chain')}; cat >/dev/null'`,
    PLUGINDIR: `${directory}/plugins`,
    TMPDIR: '/tmp',
  }
  const noted = () =>
    readdirSync(log).flatMap((name) =>
      readFileSync(join(log, name), 'latin1').trim().split('\n').filter(Boolean),
    )
  return { variables, noted, scanner: `${directory}/path/scanner %s` }
}

for (const how of ['compiled', 'on Node'] as const) {
  const skip = notRoot || compilerMissing || (how === 'compiled' && nativeMissing)

  // promise: root-runs-nothing
  t.test(`root runs nothing that a service or envdir names, ${how}`, { skip }, async (t) => {
    const directory = openDirectory(t)
    const [program, ...words] = commandOf(how)
    const { variables, noted, scanner } = hostileService(directory, how)
    mkdirSync(join(directory, 'env'))
    for (const [name, value] of Object.entries(variables)) {
      writeFileSync(join(directory, 'env', name), `${value}\n`)
    }
    // Without LD_PRELOAD: tcpserver would obey it before it gives up root.
    const { LD_PRELOAD: _, ...env } = variables
    const asNobody = tcpserver('-u', '65534', '-g', '65534')
    const service = await startService(t, ['/usr/bin/env', ...asNobody], { env })
    const pid = ['--pid', service]
    const ownEnvdir = ['--envdir', join(directory, 'env')]
    for (const from of [pid, ownEnvdir, [...ownEnvdir, '--user', 'nobody']]) {
      for (const QHPSI of ['plugin: hostile.mjs eicar', scanner]) {
        const { stdout, stderr } = spawnSync(
          program,
          [...words, 'check', ...from, '--env', `QHPSI=${QHPSI}`],
          { encoding: 'utf8' },
        )
        t.match(stdout, /^(ok|error) +(trials|slot, clean message):/m, `${stdout}${stderr}`)
      }
    }
    const all = noted()
    t.same(
      all.filter((line) => / 0$/.test(line)),
      [],
    )
    for (const who of ['scanner', 'plugin', 'slot']) {
      t.ok(all.includes(`${who} 65534`), `${who} was tried, as nobody`)
    }
    t.notOk(
      all.some((line) => line.startsWith('preload')),
      'what is loaded before is left out',
    )
  })

  // promise: root-runs-nothing
  t.test(`if root cannot change the user, nothing is tried, ${how}`, { skip }, async (t) => {
    const directory = openDirectory(t)
    const [program, ...words] = commandOf(how)
    const { variables, noted, scanner } = hostileService(directory, how)
    const { LD_PRELOAD: _, ...env } = variables
    const pid = await startService(t, tcpserver('-u', '65534', '-g', '65534'), { env })
    // In some containers root lacks the capabilities to change its user.
    const alone = ['--bounding-set=-setuid,-setgid', program, ...words, 'check', '--pid', pid]
    const { stdout, status } = spawnSync('setpriv', [...alone, '--env', `QHPSI=${scanner}`], {
      encoding: 'utf8',
    })
    t.match(stdout, /^error +trials: cannot be made as nobody .*nothing was tried/m)
    t.equal(status, 2)
    t.same(noted(), [])
  })
}

t.test(
  'the slot of a service without an account is not tried as root',
  { skip: notRoot },
  async (t) => {
    const [program, ...words] = commandOf('on Node')
    const pid = await startService(t, tcpserver(), { env: { QHPSI: 'plugin: eicar' } })
    const check = (...more: string[]) =>
      spawnSync(program, [...words, 'check', '--pid', pid, ...more], { encoding: 'utf8' }).stdout
    t.match(check(), /^error +trials: .*as root: nothing was tried; name its account with --user/m)
    t.match(check('--user', 'root'), /^ok +scanner eicar: finds EICAR/m, 'but where he says so')
  },
)

t.test('the account and its groups are those of the service', { skip: notRoot }, async (t) => {
  const directory = openDirectory(t)
  const [program, ...words] = commandOf('on Node')
  const slot = join(directory, 'onescan-queue')
  writeFileSync(slot, '#!/bin/sh\nid -un >&2; id -Gn >&2; exit 71\n', { mode: 0o755 })
  const settings = [
    '--user',
    'nobody',
    '--env',
    `QMAILQUEUE=${slot}`,
    '--env',
    'QHPSI=plugin: eicar',
  ]
  const { stdout } = spawnSync(program, [...words, 'check', ...settings], { encoding: 'utf8' })
  t.match(stdout, /^as nobody \(nogroup\)$/m)
  t.match(stdout, /^error +slot, clean message: exits 71 \(nobody no\w+\); /m)
  const [before = '', behind = ''] = stdout.split('\nas the account nobody says:\n')
  t.match(before, /^ok +slot: /m, 'what root saw itself')
  t.match(behind, /^error +slot, clean message: /m, 'and what the account says, with remedies')
})

const terminalMissing = notRoot || (!findProgram('script') && 'install Debian package bsdutils')

// promise: root-runs-nothing
t.test('a trial cannot type at the terminal of root', { skip: terminalMissing }, async (t) => {
  const directory = openDirectory(t)
  const command = commandOf('on Node').join(' ')
  const log = join(directory, 'log')
  writeFileSync(log, '')
  chmodSync(log, 0o666)
  writeFileSync(join(directory, 'typist'), typist, { mode: 0o755 })
  const other = '/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups'
  const noted = () => readFileSync(log, 'latin1')

  const before = atTerminal(`${other} ${directory}/typist ${log}`)
  t.match(noted(), /^uid=65534 reached=\/dev\/tty/, 'as it was')
  if (terminalsObey()) t.match(before.typed, /^(pwned\n)+$/)

  writeFileSync(log, '')
  const { typed, output } = atTerminal(
    `env NO_COLOR=1 ${command} check --user nobody --env QHPSI='${directory}/typist ${log} %s'`,
  )
  t.match(output, /^(ok|error) +scanner /m)
  t.match(noted(), /^uid=65534 reached=\n/)
  t.notMatch(noted(), 'tty')
  t.equal(typed, '')
})

// promise: root-runs-nothing
t.test(
  'a slot that inject calls cannot do so either',
  { skip: !findProgram('script') },
  async (t) => {
    const directory = openDirectory(t)
    const command = commandOf('on Node').join(' ')
    const log = join(directory, 'log')
    writeFileSync(log, '')
    writeFileSync(join(directory, 'typist'), typist, { mode: 0o755 })
    writeFileSync(join(directory, 'slot'), `#!/bin/sh\nexec ${directory}/typist ${log}\n`, {
      mode: 0o755,
    })
    const { typed } = atTerminal(
      `printf 'Subject: x\\n\\n' | ${command} inject - --from a@example.org --to b@example.org ` +
        `--program ${directory}/slot`,
    )
    t.match(readFileSync(log, 'latin1'), new RegExp(`^uid=${process.getuid!()} reached=\n$`))
    t.equal(typed, '')
  },
)
