import { execFileSync, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { requireFewPrivileges } from '../../src/quota/check-quotad-start.ts'
import { lacks } from '../needs.mjs'
import { asOther, program, spool, startQuotad } from './quotad.ts'

/** The start and the end of the service. */

const root = process.getuid?.() === 0
const notRoot = !root && 'run as root'

/** Runs the service with arguments or settings that make it end by itself. */
function run(
  env: Readonly<Record<string, string>>,
  words: readonly string[] = [],
  [command, ...first] = asOther(program),
) {
  const own = ['--udp', '127.0.0.1:0', '--http', '127.0.0.1:0', ...words]
  return spawnSync(command, [...first, ...own], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { PATH: process.env.PATH ?? '', ...env },
  })
}

t.test('settings that cannot be used are named', async (t) => {
  const { status, stderr } = run({ QUOTAMAILBOX: 'Maildir' })
  t.equal(status, 111, stderr)
  t.match(stderr, /QUOTAMAILBOX=\\"Maildir\\": must be maildir:/)
})

t.test('with an invalid option the exit code is permanent', async (t) => {
  const { status, stderr } = run({}, ['--alow', 'x'])
  t.equal(status, 100)
  t.match(stderr, 'Try "onescan-quotad --help"')
})

t.test('a port that is taken is named', async (t) => {
  const taken = createSocket('udp4').bind(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address()
  const { status, stderr } = run({}, ['--udp', `127.0.0.1:${port}`])
  t.equal(status, 111)
  const refusal = (option: string, host: string, reason: string) =>
    `${option} ${host}:${port}: ${reason}`
  t.match(stderr, refusal('--udp', '127.0.0.1', 'another process listens there; '))
  const foreign = `192.0.2.1:${port}`
  for (const option of ['--udp', '--http']) {
    const { stderr } = run({}, ['--udp', 'none', '--http', 'none', option, foreign])
    t.match(stderr, refusal(option, '192.0.2.1', 'this host has no such address; '))
  }
})

t.test('SIGTERM ends the service, which logs its counters', async (t) => {
  const quotad = await startQuotad(t, {})
  await quotad.ask('CHECK_QUOTA x/y')
  t.equal(await quotad.stop(), 0)
  t.match(quotad.log.at(-1), /event=ended udp=1 http=0 .*noSuchUser=1/)
})

t.test('SIGUSR1 makes the service log its counters', async (t) => {
  const quotad = await startQuotad(t, {})
  process.kill(quotad.pid, 'SIGUSR1')
  t.match(await quotad.logged(/event=counters/), 'udp=0')
})

t.test('the service does not start as root', { skip: notRoot }, async (t) => {
  const { status, stderr } = run({}, [], [program])
  t.equal(status, 111)
  t.match(stderr, /runs as root; run it as another user/)
})

const capability = '+dac_read_search'
const setpriv = ['--reuid', 'nobody', '--clear-groups', `--inh-caps=-all,${capability}`]
const withCapability = [...setpriv, `--ambient-caps=-all,${capability}`]
const cannot =
  notRoot ||
  lacks('setpriv') ||
  (spawnSync('setpriv', [...withCapability, 'true']).status !== 0 &&
    'this machine keeps CAP_DAC_READ_SEARCH to itself')

t.test('with CAP_DAC_READ_SEARCH private mailboxes are read', { skip: cannot }, async (t) => {
  const directory = spool(t, { 'ann/maildirsize': '1000S\n400 4\n' })
  execFileSync('chmod', ['-R', 'go=', join(directory, 'ann')])
  const mailbox = { QUOTAMAILBOX: `maildir:${directory}/%u` }
  const without = await startQuotad(t, mailbox)
  t.equal(await without.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
  const quotad = await startQuotad(t, mailbox, [], ['setpriv', ...withCapability, program])
  t.equal(await quotad.ask('CHECK_QUOTA ann'), 'QUOTA_OK')
})

t.test(
  'with CAP_DAC_READ_SEARCH no link reveals its private target',
  { skip: cannot },
  async (t) => {
    const directory = spool(t, {
      'ann/new/1,S=5': '',
      'private/x,S=70000': '',
      'mail/bob': '12345',
    })
    chmodSync(join(directory, 'private'), 0o700)
    symlinkSync(join(directory, 'private'), join(directory, 'ann/cur'))
    symlinkSync(join(directory, 'private/x,S=70000'), join(directory, 'mail/eve'))
    const start = (QUOTAMAILBOX: string) =>
      startQuotad(t, { QUOTAMAILBOX }, [], ['setpriv', ...withCapability, program])
    const maildirs = await start(`maildir:${directory}/%u`)
    t.equal(await maildirs.ask('CHECK_QUOTA ann 0'), 'QUOTA_OK ann 5 0')
    const mboxes = await start(`mbox:${directory}/mail/%u`)
    t.equal(await mboxes.ask('CHECK_QUOTA bob 0'), 'QUOTA_OK bob 5 0')
    t.equal(await mboxes.ask('CHECK_QUOTA eve 0'), 'QUOTA_ERROR eve')
  },
)

// promise: quotad-links
t.test('with more than CAP_DAC_READ_SEARCH the service does not start', async (t) => {
  const status = (bits: string) => `Name:\tx\nCapEff:\t${bits}\n`
  requireFewPrivileges(1000, status('0000000000000004'))
  requireFewPrivileges(1000, status('0000000000000000'))
  requireFewPrivileges(1000, '')
  for (const bits of ['0000000000000002', '0000000000000006', '000001ffffffffff']) {
    t.throws(() => requireFewPrivileges(1000, status(bits)), { message: /with capabilities/ }, bits)
  }
  for (const set of ['CapPrm', 'CapAmb']) {
    const hidden = `Name:\tx\n${set}:\t0000000000000006\nCapEff:\t0000000000000004\n`
    t.throws(() => requireFewPrivileges(1000, hidden), { message: /capabilities \(2\)/ }, set)
  }
  requireFewPrivileges(1000, 'Name:\tx\nCapInh:\t00000000a80425fb\nCapPrm:\t0000000000000000\n')
  t.throws(() => requireFewPrivileges(0, status('0000000000000000')), { message: /runs as root/ })
})
