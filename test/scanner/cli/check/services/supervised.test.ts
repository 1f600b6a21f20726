import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  checkMailUnits,
  checkSupervisors,
} from '../../../../../src/scanner/cli/check/services/supervised.ts'
import { linesOf } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { until } from '../../../../run/until.ts'

/** What `onescan check` finds in supervise/status of the services of mail, which the real supervise(8) writes. */

const SMTPD = 'exec tcpserver 127.0.0.1 0 /var/qmail/bin/qmail-smtpd'

/** Starts supervise for services with these run scripts; resolves when each has its state. */
async function supervised(t: Test, scripts: Readonly<Record<string, string>>): Promise<string> {
  const place = openDirectory(t)
  for (const [name, script] of Object.entries(scripts)) {
    const service = join(place, name)
    mkdirSync(service)
    writeFileSync(join(service, 'run'), `#!/bin/sh\n${script}\n`, {
      mode: name === 'closed' ? 0o644 : 0o755,
    })
    if (name === 'meant') writeFileSync(join(service, 'down'), '')
    const child = spawn('supervise', [service], { stdio: 'ignore', detached: true })
    t.teardown(() => process.kill(-child.pid!, 'SIGKILL'))
    await until(() => existsSync(join(service, 'supervise/status')), `${name} is supervised`)
  }
  return place
}

t.test('a service of mail that ends at once is named', { skip: lacks('supervise') }, async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const place = await supervised(t, {
    healthy: `exec sleep 1000 # ${SMTPD}`,
    // A backquote was lost, as a careless change of a script does.
    broken: `QMAILDUID=\`id -u nobody\nexec sleep 1000 # ${SMTPD}`,
    closed: SMTPD,
    failing: `${SMTPD} --no-such-option`.replace('tcpserver', 'false'),
    daemon: 'exec onescand-that-is-not-there',
    stopped: `exec sleep 1000 # ${SMTPD.replace('smtpd', 'qmqpd')}`,
    replaced: `exec sleep 1000 # ${SMTPD.replace('0 /', `${port} \\\n  /`)}`,
    meant: SMTPD,
    other: 'exit 1',
  })
  for (const name of ['stopped', 'replaced']) execFileSync('svc', ['-d', join(place, name)])
  await setTimeout(1000)
  const sameInode = openDirectory(t)
  for (const name of ['stopped', 'broken']) symlinkSync(join(place, name), join(sameInode, name))
  const names = (level: string, found: readonly string[]) =>
    found.flatMap((line) => line.match(new RegExp(`(?<=^${level} \\S*/)\\w+(?=: )`)) ?? [])
  const found = linesOf(await checkSupervisors([place, sameInode, '/nonexistent']))
  t.same(names('error', found).sort(), ['broken', 'closed', 'daemon', 'failing'])
  t.same(names('warning', found), ['stopped'])
  t.match(
    found.find((line) => line.includes('/broken')),
    /^error \S+\/broken: exits right after each start; run sh -n (\S+)\/run and read .*; fix the error, then run svc -t \1$/,
  )
  t.same(
    found
      .filter((line) => line.startsWith('ok '))
      .map((line) => line.replace(/^.*\//, ''))
      .sort(),
    [
      'meant: is down, as its file "down" states',
      'replaced: is down, and another program serves its port',
    ],
  )
  t.match(
    found.find((line) => line.includes('/closed')),
    /^error (\S+): cannot start: its file "run" is not executable; chmod a\+x \1\/run$/,
  )
  t.equal(found.length, 7)
})

t.test('the cause is named if the host shows it', { skip: lacks('supervise') }, async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const place = await supervised(t, {
    taken: SMTPD.replace('0 /', `${port} /`),
    logged: `exit 1 # ${SMTPD}`,
    closed2: `exec sleep 1000 # ${SMTPD}`,
    unwatched: `exec sleep 1000 # ${SMTPD}`,
  })
  const log = (name: string, directory: string, account = '') => {
    mkdirSync(join(place, name, 'log'))
    writeFileSync(
      join(place, name, 'log/run'),
      `#!/bin/sh\nexec ${account}multilog t ${directory}\n`,
    )
  }
  log('logged', './main')
  mkdirSync(join(place, 'logged/log/main'))
  const line =
    '@400000006b0e502905b7a55c tcpserver: fatal: temporarily unable to figure out IP address'
  writeFileSync(join(place, 'logged/log/main/current'), `@400000006b0e50290 earlier\n${line}\n`)
  const closed = openDirectory(t)
  chmodSync(closed, 0o700)
  log('closed2', closed, 'setuidgid nobody ')
  // As after a restore of a host: the files of supervise are there, and nobody has opened them.
  rmSync(join(place, 'unwatched/supervise/ok'))
  execFileSync('mkfifo', [join(place, 'unwatched/supervise/ok')])
  const kept = openDirectory(t)
  mkdirSync(join(kept, 'unlinked'))
  writeFileSync(join(kept, 'unlinked/run'), SMTPD)
  symlinkSync(join(place, 'logged'), join(kept, 'linked'))
  const found = linesOf(await checkSupervisors([place], [kept])).map((text) =>
    text.replaceAll(place, 'HERE').replaceAll(kept, 'KEPT').replaceAll(closed, 'LOG'),
  )
  const matches = (start: string, rest: RegExp) =>
    t.match(found.find((text) => text.startsWith(start))?.slice(start.length), rest, start)
  matches('error HERE/taken: exits right after each start: process ', new RegExp(`^\\d+ \\(.+\\) has port ${port}; .+; svc -t HERE/taken$`)) // biome-ignore format: a row
  matches('error HERE/logged: exits right after each start; ', /^its log ends in "tcpserver: fatal: temporarily unable to figure out IP address"; run sh -n /) // biome-ignore format: a row
  matches('error HERE/closed2/log: nobody may not write LOG', /^: .*; chown -R nobody LOG && chmod u\+rwx LOG && svc -t HERE\/closed2\/log$/) // biome-ignore format: a row
  matches('error HERE/unwatched: is not supervised: ', /; (systemctl enable|start svscan) /)
  matches('warning KEPT/unlinked: is not started: no link in HERE leads to it', /^; ln -s KEPT\/unlinked HERE\/$/) // biome-ignore format: a row
  t.equal(found.length, 5, found.join('\n'))
})

t.test('a unit of mail whose program is missing is named', async (t) => {
  const place = openDirectory(t)
  const unit = (name: string, program: string, after = 'qmail-smtpd') =>
    writeFileSync(join(place, name), `[Service]\nExecStart=${program} --listen fd:3 ${after}\n`)
  unit('gone.service', '/usr/sbin/gone-delay')
  unit('off.service', '/usr/sbin/gone-delay')
  unit('there.service', '/bin/true')
  unit('other.service', '/usr/sbin/gone-delay', 'other')
  const ask = (name: string) =>
    name === 'off.service'
      ? { enabled: 'disabled', active: 'inactive' }
      : { enabled: 'enabled', active: 'failed' }
  t.same(linesOf(checkMailUnits(place, ask)), [
    'error gone.service: cannot start: its program /usr/sbin/gone-delay does not exist; install the package of /usr/sbin/gone-delay, then run systemctl restart gone.service',
  ])
})
