import { spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ownDirectoriesMissing } from '../../programs/host/own-directories.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { atTerminal, quoted } from '../../programs/host/terminal.ts'
import { stampedBy } from '../scan/stamps/stamped.ts'
import { directoryOfOnescand, makeMachine, ONESCAN } from './check/machine.ts'
import { bundle, jsonIn, searchPath } from './onescan.ts'

/** The commands that use the settings of this host's onescand if no option names others. */

const skip = ownDirectoriesMissing
const DEFAULTS = '/etc/default/onescand'
/** The group of those who may read keyrings. */
const KEEPERS = 54_324
const keyring = `hmac-sha256:mine:${Buffer.alloc(32, 7).toString('base64url')}\n`

t.test('stamps are verified with its keyring', { skip }, async (t) => {
  const machine = makeMachine(t)
  const ring = '/etc/onescan/keys/clusterkeys'
  appendFileSync(machine.at('/etc/group'), `onescan-keys:x:${KEEPERS}:\n`)
  machine.write(ring, keyring, 0o640)
  chownSync(machine.at(ring), 0, KEEPERS)
  machine.write(DEFAULTS, `CLUSTERKEYS="${ring}"\n`)
  const run = (input: string, ...command: string[]) => {
    const [program = '', ...words] = machine.around([process.execPath, bundle, ...command, '-'])
    const env = { PATH: searchPath }
    return spawnSync(program, words, { env, input, encoding: 'latin1' })
  }
  const signed = stampedBy(keyring, Buffer.from('Subject: x\n\nhello\n')).toString()
  const verified = run(signed, 'verify')
  t.equal(verified.status, 0, verified.stdout)
  t.match(verified.stdout, /mine/)
})

t.test('at a terminal its log is read', { skip }, async (t) => {
  const machine = makeMachine(t)
  const file = join(openDirectory(t), 'mail')
  writeFileSync(
    file,
    'onescan: decision=accept scan=clean from=<ann@example.org> time=2026-11-19T10:00:00Z\n',
  )
  machine.write(DEFAULTS, `LOGFILE="${file}"\n`)
  const words = machine.around([process.execPath, bundle, 'log', '--from', 'ann@example.org'])
  const { code, output } = atTerminal(quoted(words), { ...process.env, PATH: searchPath })
  t.match(output, /ann@example\.org/)
  t.equal(code, 0, output)
})

t.test(
  'since a time before the last rotation, its rotated log is read as well',
  { skip },
  async (t) => {
    const machine = makeMachine(t)
    const file = join(openDirectory(t), 'mail')
    const write = (name: string, time: string) => {
      writeFileSync(
        name,
        `${time} mx onescand[7]: onescan: decision=accept scan=clean msgid=<${time}>\n`,
      )
      utimesSync(name, new Date(time), new Date(time))
    }
    write(`${file}-20261108`, '2026-11-08T00:00:00Z')
    write(`${file}.2`, '2026-11-09T00:00:00Z')
    write(`${file}.1`, '2026-11-16T00:00:00Z')
    write(file, '2026-11-19T10:00:00Z')
    write(`${file}.2.gz`, '2026-11-18T00:00:00Z')
    write(`${file}.old`, '2026-11-18T00:00:00Z')
    machine.write(DEFAULTS, `LOGFILE="${file}"\n`)
    const run = (...options: string[]) => {
      const words = machine.around([process.execPath, bundle, 'log', '--json', ...options])
      const env = { PATH: searchPath, TZ: 'UTC' }
      const { stdout } = spawnSync(words[0]!, words.slice(1), { env, encoding: 'latin1' })
      return jsonIn(stdout).results.map((result) => result.msgid)
    }
    const [ofDate, second, first, now] = ['08T00', '09T00', '16T00', '19T10'].map((time) => `<2026-11-${time}:00:00Z>`) // biome-ignore format: a line
    t.same(run(), [now], 'without --since, the log itself is read')
    t.same(run('--since', '2026-11-17'), [now])
    t.same(run('--since', '2026-11-12'), [first, now])
    t.same(run('--since', '2026-11-01'), [ofDate, second, first, now])
  },
)

t.test('root reads the log that onescand alone and its group may read', { skip }, async (t) => {
  const machine = makeMachine(t)
  const directory = directoryOfOnescand(t)
  const file = join(directory, 'mail')
  writeFileSync(file, 'onescan: decision=accept scan=clean time=2026-11-19T10:00:00Z\n')
  chownSync(file, ONESCAN, ONESCAN)
  appendFileSync(machine.at('/etc/group'), 'adm:x:4:\n')
  machine.write(DEFAULTS, `LOGFILE="${file}"\n`)
  const type = (command: string) => {
    const words = machine.around(['/bin/sh', '-c', command])
    const env = { PATH: searchPath }
    const { status, stdout, stderr } = spawnSync(words[0]!, words.slice(1), {
      env,
      encoding: 'utf8',
    })
    return { status, output: stdout + stderr }
  }
  const run = (...words: string[]) => type(quoted([process.execPath, bundle, ...words]))
  for (const [mode, ofDirectory] of [
    [0o640, 0o755],
    [0o640, 0o750],
  ] as const) {
    chmodSync(file, mode)
    chmodSync(directory, ofDirectory)
    t.match(run('log'), { status: 0, output: /decision=accept|accept/ })
    t.match(run('report'), { status: 0, output: /1 / })
  }
  for (const [mode, ofDirectory, barrier] of [
    [0o600, 0o755, file],
    [0o640, 0o700, directory],
  ] as const) {
    chownSync(file, ONESCAN, ONESCAN)
    chownSync(directory, ONESCAN, ONESCAN)
    chmodSync(file, mode)
    chmodSync(directory, ofDirectory)
    const remedy = `chgrp adm ${barrier} && chmod ${barrier === file ? 'g+r' : 'g+x'} ${barrier}`
    const fault = `log ${file}: the account onescan-check may not read it`
    t.match(run('log'), { status: 2, output: `${fault}; ${remedy}` })
    t.match(run('report'), { status: 2, output: fault })
    const byMail = run('check', '--mail', 'ann@example.org')
    t.match(byMail, {
      status: 2,
      output: `${fault}, and no mail was sent\n         fix: ${remedy}`,
    })
    t.notMatch(byMail.output, /did not see/)
    type(remedy)
    t.match(run('log'), { status: 0, output: /accept/ })
  }
})

t.test(
  "a file of syslog that root's reader may not read is named if the journal keeps nothing",
  { skip },
  async (t) => {
    const machine = makeMachine(t)
    appendFileSync(machine.at('/etc/group'), 'adm:x:4:\n')
    machine.write('/var/log/mail.log', 'Nov 19 12:00:02 mx1 postfix[71]: hello\n', 0o600)
    machine.write('/var/log/journal/fedcba9876543210fedcba9876543210/system.journal', '')
    const run = (...command: string[]) => {
      const [program = '', ...words] = machine.around(command)
      const { stdout, stderr } = spawnSync(program, words, {
        env: { PATH: searchPath },
        encoding: 'utf8',
      })
      return stdout + stderr
    }
    const onescan = (...words: string[]) => run(process.execPath, bundle, ...words)
    const services = join(import.meta.dirname, '../../../src/scanner/cli/check/services')
    const report = `import { checkSyslog } from '${services}/check-syslog.ts'; console.log(JSON.stringify(checkSyslog()))`
    const found = () => run(process.execPath, '--input-type=module', '-e', report).trim()
    t.equal(found(), 'undefined', 'the journal has the lines')
    const conf = '/etc/systemd/journald.conf.d/own.conf'
    machine.write(conf, '[Journal]\nStorage=none\n')
    const fault = 'the account onescan-check may not read it'
    const remedy = 'chgrp adm /var/log/mail.log && chmod g+r /var/log/mail.log'
    t.match(JSON.parse(found()), {
      level: 'warning',
      what: 'log /var/log/mail.log',
      value: `${fault}, and the journal keeps nothing (Storage=none in ${conf})`,
      remedy,
    })
    t.match(
      onescan('check', '--mail', 'ann@example.org'),
      `log /var/log/mail.log: ${fault}, and no mail was sent\n         fix: ${remedy}`,
    )
    t.match(onescan('log'), `log /var/log/mail.log: ${fault}; ${remedy}`)
    run('/bin/sh', '-ec', remedy)
    t.equal(found(), 'undefined')
    t.notMatch(onescan('log'), fault)
  },
)

t.test(
  'scan uses its scanners, unless the environment or an option names others',
  { skip },
  async (t) => {
    const machine = makeMachine(t)
    machine.write(DEFAULTS, 'QHPSI="plugin: eicar"\n')
    const run = (...command: string[]) => {
      const [program = '', ...words] = machine.around([
        process.execPath,
        bundle,
        'scan',
        ...command,
      ])
      const options = {
        env: { PATH: searchPath },
        input: 'Subject: x\n\nhello\n',
        encoding: 'utf8',
      } as const
      const { status, stdout, stderr } = spawnSync(program, words, options)
      return { status, output: stdout + stderr }
    }
    t.match(run('-'), { status: 0, output: /1 clean/ })
    t.match(run('--env', 'QHPSI=/bin/false %s', '-'), { status: 1, output: /1 infected/ })
    machine.write(DEFAULTS, `CLAMD="/none/clamd.ctl"\n`)
    t.match(run('-'), { status: 2, output: /unknown: clamd \/none\// }, 'clamd is the default')
  },
)
