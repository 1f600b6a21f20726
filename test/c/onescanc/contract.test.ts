import { copyFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { settingTable } from '../../../src/base/settings/table.ts'
import { envelope, runSlot, type SlotSetup } from '../../scanner/doors/slot/slot.ts'
import { keepsContract } from '../../scanner/doors/slot/slot-contract.ts'
import { standInQueue } from '../../stand-in/stand-in.ts'
import {
  beside,
  clientsBeside,
  onescanc as installed,
  missing,
  standalonePrograms,
} from './client.ts'
import { accept, answering, bodyAt, insert, keep, scriptedDaemon } from './scripted-daemon.ts'

/** The promises of qmail-queue(8) and onescan-queue(8), kept by the client alone. */

const standalone = standalonePrograms(t)
const clients = missing ? [] : clientsBeside(standalone.teller)
const onescanc = missing ? '' : beside(standalone.teller)
/** The default of SCANTIMEOUT. */
const byDefault = String(settingTable.SCANTIMEOUT.default)
const daemon = await scriptedDaemon(
  t,
  answering(accept(bodyAt(12), insert('X-QHPSI: clean\n'), keep(0, 12))),
)
const on = { QHPSI: 'plugin: eicar', ONESCAN_SOCKET: daemon.socket }

const run = (setup: SlotSetup = {}) =>
  runSlot({ program: [onescanc], ...setup, settings: { ...on, ...setup.settings } })

for (const { name, program } of clients) {
  t.test(`contract of every qmail-queue program, ${name}`, async (t) => {
    const asked = () => daemon.talks.length
    await keepsContract(t, { name: 'onescanc', program, settings: on, asked })
  })
}

t.test('message and envelope come in any pieces, from any pipes', { skip: missing }, async (t) => {
  const script =
    'use Fcntl; for (*STDIN, *STDOUT) { fcntl($_, F_SETFL, O_NONBLOCK | fcntl($_, F_GETFL, 0)) } exec @ARGV'
  const single = (whole: Buffer) => Array.from(whole, (_, at) => whole.subarray(at, at + 1))
  const ended = await run({
    program: ['/usr/bin/perl', '-e', script, onescanc],
    message: single(Buffer.from('Subject: x\n\nbody\n')),
    envelope: single(envelope),
  })
  t.equal(ended.text, 'X-QHPSI: clean\nSubject: x\n\nbody\n')
})

t.test('the next program', { skip: missing, jobs: 2 }, async (t) => {
  t.test('the error descriptor stays open for the next program', async (t) => {
    for (const QHPSI of [on.QHPSI, undefined]) {
      const ended = await run({
        program: [onescanc, '/bin/sh', '-c', 'echo Zmine >&6; exit 82'],
        errorFd: 6,
        settings: { QHPSI, ERROR_FD: '6' },
      })
      t.equal(ended.code, 82)
      t.equal(ended.errorText.toString(), 'Zmine\n')
    }
  })

  t.test('it has no other descriptor, and SIGPIPE as the caller had it', async (t) => {
    const show = 'ls /proc/self/fd >&2; grep SigIgn /proc/self/status >&2'
    const shell = ['/bin/sh', '-c', show]
    for (const prefix of [[], ['/usr/bin/env', '--default-signal=PIPE']]) {
      const without = await run({ program: prefix.length > 0 ? [...prefix, ...shell] : shell })
      const between = await run({ program: [...prefix, onescanc, ...shell] })
      t.equal(between.logged, without.logged)
      t.match(between.logged, prefix.length > 0 ? /SigIgn:\t0+\n$/ : /SigIgn:\t0*1000\n$/)
    }
  })
})

t.test('if onescan is off, both descriptors are untouched', { skip: missing }, async (t) => {
  const CONTROLDIR = t.testdir({ 'onescan.off': '', home: { control: { 'onescan.off': '' } } })
  const chain = '[ -p /dev/stdin ] && [ -p /dev/fd/1 ] && head -c 1 >/dev/null && exit 71; exit 99'
  for (const [settings, why] of [
    [{ QHPSI: undefined }, 'QHPSI is not set'],
    [{ QHPSI: '' }, 'QHPSI is not set'],
    [{ CONTROLDIR }, `${CONTROLDIR}/onescan.off exists`],
    [{ CONTROLDIR: undefined, QMAILHOME: `${CONTROLDIR}/home` }, 'home/control/onescan.off exists'],
  ] as const) {
    for (const { program } of clients) {
      const asked = daemon.talks.length
      const ended = await run({ program: [...program, '/bin/sh', '-c', chain], settings })
      t.equal(ended.code, 71, ended.logged)
      t.match(
        ended.logged,
        new RegExp(`^onescan: decision=pass reason="\\S*${why}" total_ms=\\S+\n$`),
      )
      t.equal(daemon.talks.length, asked)
    }
  }
  const asked = daemon.talks.length
  const quota = await run({ settings: { QHPSI: undefined, QUOTAD: 'quotad:127.0.0.1:9' } })
  t.equal(quota.code, 0, quota.logged)
  t.equal(daemon.talks.length, asked + 1, 'for a quota alone onescand is asked')
})

t.test('the log', { skip: missing, jobs: 2 }, async (t) => {
  t.test('the log never goes to the error descriptor', async (t) => {
    const ended = await run({ errorFd: 2, settings: { ERROR_FD: '2', QUEUECHAIN: '/nonexistent' } })
    t.equal(ended.code, 120)
    t.equal(ended.errorText.length, 0)
  })

  t.test('the log cannot be forged by a setting', async (t) => {
    const ONESCAN_SOCKET = '/x" decision=accept\n\x1b'
    const ended = await run({ settings: { ONESCAN_SOCKET } })
    t.match(ended.logged, 'reason="onescand at /x? decision=accept??: No such file or directory"')
  })
})

t.test('the standalone program', { skip: missing, jobs: 2 }, async (t) => {
  const nobody = { ONESCAN_SOCKET: '/nonexistent' }

  t.test(
    'the standalone program sees all settings, except those that change its runtime',
    async (t) => {
      const lines = `env >&2; echo "[$*]" >&2; exec '${standInQueue()}'`
      const shows = standalone.make('shows', lines)
      const dropped = {
        NODE_OPTIONS: '--require /nonexistent',
        NODE_PATH: '/x',
        BUN_BE_BUN: '1',
        LD_PRELOAD: '',
        LD_LIBRARY_PATH: '/x',
      }
      const ended = await run({
        program: [beside(shows), 'next', 'two words'],
        settings: { ...nobody, ...dropped, REJECTVIRUS: '1', NODE_ENV: 'x' },
      })
      t.equal(ended.code, 0, ended.logged)
      for (const name of Object.keys(dropped))
        t.notMatch(ended.logged, new RegExp(`^${name}=`, 'm'))
      t.match(ended.logged, /^REJECTVIRUS=1$/m)
      t.match(ended.logged, /^NODE_ENV=x$/m)
      t.match(ended.logged, /^QHPSI=plugin: eicar$/m)
      t.match(ended.logged, '[next two words]')
    },
  )

  t.test('an invalid SCANTIMEOUT is refused by the standalone program itself', async (t) => {
    for (const SCANTIMEOUT of ['soon', '0', '-1', '1.5', '86401', '99999999999999999999']) {
      const ended = await run({ settings: { ...nobody, SCANTIMEOUT } })
      t.match(ended.logged, `STANDALONE [${SCANTIMEOUT}]`)
    }
    for (const [SCANTIMEOUT, seen] of [
      [undefined, byDefault],
      ['', byDefault],
      ['86400', '86400'],
    ] as const) {
      const ended = await run({ settings: { ...nobody, SCANTIMEOUT } })
      t.match(ended.logged, `STANDALONE [${seen}]`)
    }
  })

  t.test('the standalone program is found beside the client, through links', async (t) => {
    const directory = t.testdir({ lib: {} })
    copyFileSync(installed, join(directory, 'lib/onescanc'))
    copyFileSync(standalone.teller, join(directory, 'lib/onescan-queue'))
    symlinkSync('lib/onescanc', join(directory, 'link'))
    const ended = await run({ program: [join(directory, 'link')], settings: nobody })
    t.match(ended.logged, `STANDALONE [${byDefault}]`)
  })

  // promise: client-standalone
  t.test(
    'without a standalone program, or with the client in its place, it ends with 120',
    async (t) => {
      const directory = t.testdir({ alone: {}, itself: {}, directory: { 'onescan-queue': {} } })
      copyFileSync(installed, join(directory, 'itself/onescan-queue'))
      for (const place of ['alone', 'itself', 'directory']) {
        const program = join(directory, place, 'onescanc')
        copyFileSync(installed, program)
        const ended = await run({ program: [program], settings: nobody })
        t.equal(ended.code, 120)
        t.match(
          ended.logged,
          /fault=next-hop reason="standalone program .*; reinstall onescan-runtime, or /,
        )
        t.equal(ended.deliveries.length, 0)
      }
    },
  )

  t.test('a socket that cannot be reached makes the client go standalone', async (t) => {
    const file = t.testdir({ file: '' })
    for (const socket of ['/nonexistent', `${file}/file`, `/${'x'.repeat(200)}`]) {
      const ended = await run({ settings: { ONESCAN_SOCKET: socket } })
      t.match(ended.logged, /^onescan: decision=standalone .*\nSTANDALONE/)
      t.equal(ended.text, 'Subject: x\n\nbody\n')
    }
  })
})
