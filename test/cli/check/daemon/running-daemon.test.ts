import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkDaemon, type DaemonHost } from '../../../../src/cli/check/daemon/running-daemon.ts'
import { howToStart } from '../../../../src/cli/check/shared/how-to-start.ts'
import { readAccounts } from '../../../../src/doors/stages/account.ts'
import type { Finding } from '../../../../src/ground/errors/finding.ts'
import { newest, startOnescand } from '../../../doors/daemon/process.ts'
import { openDirectory } from '../../../programs/reachable.ts'
import { jsonIn, onescan } from '../../onescan.ts'

/** `onescan check --daemon`. */

const HOUR = 3600_000
const compiled = join(import.meta.dirname, '../../../../build/native/onescand')

t.test('a host on which no onescand runs is an error', async (t) => {
  const processes = openDirectory(t)
  writeFileSync(join(processes, 'stat'), 'btime 1700000000\n')
  const host: DaemonHost = { processes, defaults: '/nonexistent', accounts: readAccounts() }
  t.match(checkDaemon(host), [{ level: 'error', what: 'onescand', value: 'does not run' }])
})

t.test(
  'each onescand is reported with its settings, and with what has changed since its start',
  async (t) => {
    const directory = openDirectory(t)
    const rules = join(directory, 'rules')
    writeFileSync(rules, 'name *.exe\n')
    const old = new Date(Date.now() - HOUR)
    utimesSync(rules, old, old)
    const defaults = join(directory, 'defaults')
    const control = join(directory, 'control')
    mkdirSync(control)
    const policy = join(control, 'onescan.policy')
    writeFileSync(policy, 'to=example.org scan off\n')
    utimesSync(policy, old, old)
    const settings = {
      QHPSI: 'plugin: eicar',
      BADATTACHMENTS: rules,
      SCANFAIL: 'accept',
      CONTROLDIR: control,
    }
    writeFileSync(
      defaults,
      '# QHPSI="x"\nQHPSI="plugin: eicar"\nSCANFAIL="defer"\nONESCAND_OPTIONS=""\n',
    )
    const daemon = startOnescand(t, { settings, args: ['--max-clients', '7'] })
    await daemon.logged(/serving/)
    const look = () =>
      checkDaemon({ processes: '/proc', defaults, accounts: readAccounts() }).filter(
        ({ what }) => what === `onescand ${daemon.pid}`,
      )
    const [runs, has, ...more] = look()
    t.match(runs, {
      level: 'ok',
      value: /^runs since \d{4}-.* UTC as \w+: onescand .*--max-clients 7/,
    })
    t.match(has, { level: 'ok', value: /QHPSI="plugin: eicar".*SCANFAIL="accept"/ })
    t.match(more, [
      {
        level: 'warning',
        value: /^runs with SCANFAIL="accept", and .* has "defer"$/,
        remedy: /restart it/,
      },
    ])
    const later = new Date(Date.now() + HOUR)
    utimesSync(rules, later, later)
    t.match(look().at(-1), { level: 'warning', value: `${rules} has changed`, remedy: /kill -HUP/ })
    utimesSync(policy, later, later)
    t.match(look().at(-1), {
      level: 'warning',
      value: `${policy} has changed`,
      remedy: /kill -HUP/,
    })

    const off = join(directory, 'onescan.off')
    const other = startOnescand(t, { settings: { ...settings, CONTROLDIR: directory } })
    await other.logged(/serving/)
    writeFileSync(off, '')
    const host = { processes: '/proc', defaults, accounts: readAccounts() }
    const switched = checkDaemon(host).find(({ value }) => value.startsWith(off))
    t.match(switched, { level: 'warning', what: `onescand ${other.pid}`, remedy: /onescan enable/ })

    const { out } = await onescan(['check', '--daemon', '--json'])
    const told = jsonIn<Finding>(out).results
    t.ok(told.some(({ what }) => what === `onescand ${daemon.pid}`))
  },
)

t.test(
  'workers, programs that mention onescand and programs of other users are no onescand',
  async (t) => {
    const processes = openDirectory(t)
    writeFileSync(join(processes, 'stat'), 'btime 1700000000\n')
    const stat = `1 (x) S ${'0 '.repeat(18)}100 0\n`
    const process = (pid: string, words: readonly string[], uid = 0) => {
      mkdirSync(join(processes, pid))
      writeFileSync(join(processes, pid, 'cmdline'), `${words.join('\0')}\0`)
      writeFileSync(join(processes, pid, 'stat'), stat)
      writeFileSync(join(processes, pid, 'environ'), 'PATH=/bin\0')
      writeFileSync(join(processes, pid, 'status'), `Name:\tx\nUid:${`\t${uid}`.repeat(4)}\n`)
    }
    process('10', ['/usr/sbin/onescand', '--socket', '/s'])
    process('11', ['/usr/sbin/onescand', '--worker', 'slot'])
    process('12', ['/bin/grep', '-r', 'x', 'onescand'])
    process('13', ['onescand'], 54_321)
    const host: DaemonHost = { processes, defaults: '/nonexistent', accounts: readAccounts() }
    t.match(
      checkDaemon(host).map(({ level, value }) => `${level} ${value}`),
      [
        /^ok runs since 2023-11-14 22:13:21 UTC as \w+: onescand --socket \/s$/,
        /^error scans nothing/,
      ],
    )
  },
)

t.test('a policy file that was moved there since, and is old itself, is reported', async (t) => {
  const processes = openDirectory(t)
  const control = openDirectory(t)
  const policy = join(control, 'onescan.policy')
  writeFileSync(policy, 'to=example.org scan off\n')
  utimesSync(policy, 1_600_000_000, 1_600_000_000)
  writeFileSync(join(processes, 'stat'), 'btime 1700000000\n')
  mkdirSync(join(processes, '10'))
  const files = {
    cmdline: 'onescand\0',
    stat: `1 (x) S ${'0 '.repeat(18)}100 0\n`,
    environ: `QHPSI=plugin: eicar\0CONTROLDIR=${control}\0`,
    status: `Name:\tx\nUid:${'\t0'.repeat(4)}\n`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(processes, '10', name), text)
  const host: DaemonHost = { processes, defaults: '/nonexistent', accounts: readAccounts() }
  const value = `${policy} has changed since it was started`
  t.match(checkDaemon(host).at(-1), { level: 'warning', value, remedy: /^kill -HUP 10/ })
})

t.test(
  'a QUARANTINE that the unit does not let onescand write to is reported, and mended by the remedy',
  { skip: process.getuid?.() !== 0 && 'run as root' },
  async (t) => {
    const directory = openDirectory(t)
    const quarantine = join(directory, 'kept')
    mkdirSync(quarantine, { mode: 0o700 })
    // What systemd does for ProtectSystem=, and for ReadWritePaths= besides.
    const only = (writable: boolean) =>
      `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"` +
      `${writable ? ' && mount --bind "$0/kept" "$0/kept" && mount -o remount,bind,rw "$0/kept"' : ''} && exec "$@"`
    const complaints = async (writable: boolean) => {
      const around = ['unshare', '--mount', '/bin/sh', '-c', only(writable), directory]
      const daemon = startOnescand(t, {
        program: [...around, ...newest],
        settings: { QHPSI: 'plugin: eicar', QUARANTINE: quarantine },
      })
      await daemon.logged(/serving/)
      const host = { processes: '/proc', defaults: '/nonexistent', accounts: readAccounts() }
      const own = `onescand ${daemon.pid}`
      return checkDaemon(host).filter(({ what, level }) => what === own && level !== 'ok')
    }
    const remedy = `"systemctl edit onescand" with ReadWritePaths=${quarantine} in [Service], and restart it`
    t.match(await complaints(false), [{ level: 'error', value: /QUARANTINE .*read-only/, remedy }])
    t.same(await complaints(true), [])
  },
)

t.test(
  'the words of the compiled onescand are reported without those of its launcher',
  { skip: !existsSync(compiled) && 'run npm run build:native' },
  async (t) => {
    const daemon = startOnescand(t, { program: [compiled], args: ['--max-clients', '7'] })
    await daemon.logged(/serving/)
    const findings = checkDaemon({
      processes: '/proc',
      defaults: '/nonexistent',
      accounts: readAccounts(),
    })
    const [runs] = findings.filter(({ what }) => what === `onescand ${daemon.pid}`)
    t.match(runs, { level: 'ok', value: /: onescand --socket .*--max-clients 7$/ })
  },
)

t.test('an onescand that npm installed is found, whatever options its runtime has', async (t) => {
  const daemon = startOnescand(t, {
    program: [join(import.meta.dirname, '../../../../bin/onescand')],
  })
  await daemon.logged(/serving/)
  const host = { processes: '/proc', defaults: '/nonexistent', accounts: readAccounts() }
  const [runs] = checkDaemon(host).filter(({ what }) => what === `onescand ${daemon.pid}`)
  t.match(runs, { level: 'ok', value: /: onescand --socket / })
})

t.test(
  'the remedy is to start onescand by systemd, a service or a run script, whichever is there',
  async (t) => {
    const among =
      (...paths: string[]) =>
      (path: string) =>
        paths.includes(path)
    const unit = '/etc/systemd/system/onescand.service'
    t.equal(howToStart(among('/run/systemd/system', unit)), 'systemctl start onescand')
    t.match(howToStart(among(unit)), 'install.md', 'systemd does not run')
    t.match(howToStart(among('/etc/service/onescand', '/etc/onescand/run')), 'svc -u /etc/service/')
    t.equal(howToStart(among('/etc/onescand/run')), 'ln -s /etc/onescand /service/')
  },
)
