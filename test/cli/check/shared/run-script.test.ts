import fc from 'fast-check'
import t from 'tap'
import { noLimits } from '../../../../src/cli/check/shared/memory-limits.ts'
import { readRunScript } from '../../../../src/cli/check/shared/run-script.ts'

t.test('a classic run script of qmail-smtpd is read', async (t) => {
  const script = readRunScript(`#!/bin/sh
QMAILDUID=\`id -u qmaild\`
MAXSMTPD=\`cat /var/qmail/control/concurrencyincoming\`
exec /usr/local/bin/softlimit -m 3000000 \\
    /usr/local/bin/tcpserver -v -R -l 0 -x /etc/tcp.smtp.cdb -c 20 -u 7791 -g 2108 0 smtp \\
    /var/qmail/bin/qmail-smtpd 2>&1
`)
  t.same(script, {
    environment: {},
    steps: [{ kind: 'rules', file: '/etc/tcp.smtp.cdb' }],
    user: { uid: 7791, gid: 2108 },
    groups: [],
    limits: { addressSpace: 3_000_000, data: 3_000_000, stack: 3_000_000 },
  })
})

t.test('variables, envdir, setuidgid and ulimit are read', async (t) => {
  const script = readRunScript(`#!/bin/sh
# QHPSI='/commented/out %s'
QHPSI='plugin: clamd attachments'
export QHPSI CLAMD="/run/clamd.sock" # here it listens
LIMIT=4194304
PATH=$HOME/bin:$PATH
ulimit -v $LIMIT; ulimit -S -d 2000
exec env SCANTIMEOUT=60 envdir ./env setuidgid qmaild tcpserver 0 smtp qmail-smtpd
`)
  t.same(script, {
    environment: {
      QHPSI: 'plugin: clamd attachments',
      LIMIT: '4194304',
      CLAMD: '/run/clamd.sock',
      SCANTIMEOUT: '60',
    },
    steps: [{ kind: 'envdir', directory: './env' }],
    user: 'qmaild',
    groups: [],
    limits: { addressSpace: 4_294_967_296, data: 2_048_000, stack: undefined },
  })
})

t.test('a comment ends with its line, whatever it contains', async (t) => {
  const script = [
    '# QHPSI=a; SCANFAIL=accept',
    '# a path: C:\\',
    'QHPSI=b # SCANFAIL=accept; REJECTVIRUS=1',
    'REJECTVIRUS=2;# and that',
    'export QHPSI REJECTVIRUS; exec tcpserver 0 25 \\',
    ' qmail-smtpd',
  ]
  const { environment } = readRunScript(script.join('\n'), () => undefined)
  t.match(environment, { QHPSI: 'b', REJECTVIRUS: '2' })
  t.notOk('SCANFAIL' in environment)
})

t.test('chpst of runit is read', async (t) => {
  const script = readRunScript('exec chpst -u qmaild:nofiles -e /etc/smtpd/env -m 9000000 smtpd\n')
  t.match(script, {
    user: 'qmaild',
    steps: [{ kind: 'envdir', directory: '/etc/smtpd/env' }],
    limits: { data: 9_000_000 },
  })
})

const ids: Readonly<Record<string, number>> = { 'u qmaild': 7791, 'g onescan': 211 }
const identify = (option: 'u' | 'g', name: string) => ids[`${option} ${name}`]

t.test('numbers that id(1) would print are filled in', async (t) => {
  for (const text of [
    'exec tcpserver -c $(cat /c) -u "$(id -u qmaild)" -g "$(id -g onescan)" 0 smtp x',
    'exec tcpserver -u `id -u qmaild` -g `/usr/bin/id -g onescan` 0 smtp x',
    'U=$(id -u qmaild)\nG="$(id -g onescan)"\nexec tcpserver -u "$U" -g "$G" 0 smtp x',
  ]) {
    t.same(readRunScript(text, identify).user, { uid: 7791, gid: 211 }, text)
  }
  t.equal(readRunScript('tcpserver -u $(id -u nobody) -g 1 0 25 x', identify).user, undefined)
})

t.test("groups given to chpst replace the account's own", async (t) => {
  const script = readRunScript('exec tcpserver 0 smtp chpst -u qmaild:onescan:clamav qmail-smtpd\n')
  t.match(script, { user: 'qmaild', groups: ['onescan', 'clamav'] })
})

t.test('rules and envdir keep their order', async (t) => {
  const kinds = (text: string) => readRunScript(text).steps.map(({ kind }) => kind)
  t.same(kinds('exec envdir env tcpserver -x tcp.cdb 0 25 x'), ['envdir', 'rules'])
  t.same(kinds('exec tcpserver -vRx tcp.cdb 0 25 envdir env x'), ['rules', 'envdir'])
})

t.test('the smallest of several limits counts', async (t) => {
  const { limits } = readRunScript('ulimit -v 1000\nexec softlimit -a2000000 -d 3 x\n')
  t.same(limits, { addressSpace: 1_024_000, data: 3, stack: undefined })
})

t.test('arguments of the program itself are not read', async (t) => {
  const { environment, limits } = readRunScript('exec qmail-smtpd A=b\nulimit -n 100\n')
  t.same(environment, {})
  t.same(limits, noLimits)
})

t.test('filled in variables cannot make a script much larger', async (t) => {
  const doubled = readRunScript(`A=aaaaaaaa\n${'A=$A$A\n'.repeat(60)}exec $A\n`)
  t.ok(doubled.environment.A!.length <= 1024)
  const before = process.memoryUsage().rss
  readRunScript(`A=${'a'.repeat(1000)}\n${'$A'.repeat(30_000)}\n`)
  readRunScript(`exec ${'softlimit -a 1 '.repeat(4400)}x\n`)
  t.ok(process.memoryUsage().rss - before < 200_000_000)
})

t.test('no text of a script makes its reader throw', async (t) => {
  const word = fc.constantFrom(
    ...[
      'exec',
      'softlimit',
      '-m',
      '-',
      '1',
      "'",
      '"',
      '$X',
      'X=1',
      '\\\n',
      '\n',
      ';',
      '#',
      'tcpserver',
      '-u',
    ],
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      t.ok(readRunScript(words.join(' ')))
    }),
  )
})
