import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { becomePlain } from '../../programs/host/plain-account.ts'
import { isWhole } from '../../run/is-whole.ts'
import { deliveries, leftBehind, makeMaildir, standInQueue } from '../../stand-in/stand-in.ts'
import { onescan, type Run } from './onescan.ts'

standInQueue() // which builds it
becomePlain()

/** A slot that puts a field on top, and hands its chain files without names, as onescan-queue does. */
const slotScript = `#!/bin/sh
spool=$(mktemp) && envelope=$(mktemp) || exit 63
exec 3<&1
{ printf 'X-QHPSI: clean\\n'; cat; } >$spool
cat <&3 >$envelope
exec <$spool 1<>$envelope
rm -f $spool $envelope
echo 'slot decision=accept' >&2
eval "exec $QUEUECHAIN"
`

interface Host {
  readonly message: string
  readonly maildir: string
  readonly slot: string
  /** The arguments of every call. */
  inject(...more: string[]): Promise<Run>
}

const text = 'Subject: hello\n  folded\nX-Odd: \x1b[31m\xe9\n\nbody\n\nX-QHPSI: not a header\n'

function host(t: Test): Host {
  const directory = mkdtempSync(join(tmpdir(), "onescan test's "))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const { path: maildir, remove } = makeMaildir()
  t.teardown(remove)
  const message = join(directory, 'message')
  writeFileSync(message, text, 'latin1')
  const slot = join(directory, 'onescan-queue')
  writeFileSync(slot, slotScript, { mode: 0o755 })
  const words = ['--from', 'a@example.org', '--to', 'b@example.org', '--to', 'c@example.org']
  const env = { MAILDIR: maildir, QUEUECHAIN: standInQueue() }
  return {
    message,
    maildir,
    slot,
    inject: (...more) =>
      onescan(['inject', message, ...words, '--program', slot, ...more], { env }),
  }
}

t.test('an accepted message: exit code, meaning, log, and the mail itself', async (t) => {
  const { inject, maildir } = host(t)
  const { code, out, err } = await inject()
  t.equal(code, 0, err)
  t.match(out, /^exit {5}0: The message was queued/m)
  t.match(out, /^time {5}[\d.]+ m?s$/m)
  t.match(out, /^log {6}slot decision=accept$/m)
  t.notMatch(out, /^header/m)

  const [delivery, ...more] = deliveries(maildir)
  t.equal(more.length, 0)
  t.equal(delivery?.message.toString('latin1'), `X-QHPSI: clean\n${text}`)
  t.equal(delivery?.sender, 'a@example.org')
  t.same(delivery?.recipients, ['b@example.org', 'c@example.org'])
})

t.test('a dry run shows the header that qmail-queue would get, and delivers nothing', async (t) => {
  const { inject, maildir } = host(t)
  const { code, out } = await inject('--dry-run')
  t.equal(code, 0)
  t.match(out, /^exit {5}0: /m)
  t.match(out, /^log {6}slot decision=accept$/m)
  t.match(out, /^queued {3}no, this is a dry run$/m)
  t.match(
    out,
    /^header\n {2}X-QHPSI: clean\n {2}Subject: hello\n {4}folded\n {2}X-Odd: \\x1b\[31m\\xe9\n$/m,
  )
  t.notMatch(out, /not a header/)
  t.same(leftBehind(maildir), [])
})

t.test('a program that cannot be started is named', async (t) => {
  const words = ['inject', '-', '--from', 'a', '--to', 'b', '--program', '/nonexistent/queue']
  t.match(await onescan(words, { input: 'Subject: x\n\nhi\n' }), {
    code: 2,
    err: '/nonexistent/queue: cannot be started (no such file or directory); specify another',
  })
})

t.test('a dry run is refused with a program that may deliver by itself', async (t) => {
  const { message, maildir } = host(t)
  const words = ['inject', message, '--from', 'a', '--to', 'b', '--program', standInQueue()]
  const { code, err } = await onescan([...words, '--dry-run'], { env: { MAILDIR: maildir } })
  t.equal(code, 2)
  t.match(err, /--dry-run/)
  t.same(leftBehind(maildir), [])
})

t.test('each exit code is printed with its meaning', async (t) => {
  const { inject, slot, maildir } = host(t)
  for (const [exit, expected] of [
    [31, /^exit {5}31: The message is refused\.$/m],
    [53, /^exit {5}53: Write error or disk full\.$/m],
    [32, /^exit {5}32: Refused permanently\.$/m],
    [99, /^exit {5}99: The client is asked to try again\.$/m],
  ] as const) {
    const { code, out } = await inject('--env', `STANDIN_EXIT=${exit}`)
    t.equal(code, 1)
    t.match(out, expected)
  }
  writeFileSync(slot, '#!/bin/sh\nkill -KILL $$\n')
  const killed = await inject()
  t.equal(killed.code, 1)
  t.match(killed.out, /^exit {5}none: The program was killed by SIGKILL/m)
  t.same(leftBehind(maildir), [])
})

// The deadline is five minutes beyond SCANTIMEOUT: a program in the slot may have much to write.
if (isWhole) {
  t.test('a qmail-queue program that never ends is given up after a time limit', async (t) => {
    const { inject, slot } = host(t)
    writeFileSync(slot, '#!/bin/sh\nexec sleep 100000\n')
    const { code, out } = await inject('--env', 'SCANTIMEOUT=1')
    t.equal(code, 1)
    t.match(out, /^exit {5}none: The program was killed by SIGKILL/m)
  })
}

t.test('the qmail-queue program receives no error pipe, whatever ERROR_FD is', async (t) => {
  const { inject, slot } = host(t)
  writeFileSync(slot, '#!/bin/sh\necho "fd <$ERROR_FD>" >&2\nexit 31\n')
  t.match((await inject('--env', 'ERROR_FD=6')).out, /^log {6}fd <>$/m)
})

t.test('--json prints everything, with a character for each byte', async (t) => {
  const { inject, slot } = host(t)
  const [report] = JSON.parse(String((await inject('--json', '--dry-run')).bytes)).results
  t.match(report, {
    program: slot,
    dryRun: true,
    exitCode: 0,
    signal: null,
    meaning: /^The message was queued/,
    log: ['slot decision=accept'],
    header: ['X-QHPSI: clean', 'Subject: hello', '  folded', 'X-Odd: \x1b[31m\xe9'],
  })
  t.type(report.milliseconds, 'number')
  t.match(JSON.parse((await inject('--json')).out).results[0], { dryRun: false, header: null })
})

t.test('the message may come from standard input', async (t) => {
  const { maildir, slot } = host(t)
  const words = ['inject', '-', '--from', '<>', '--to', 'b@example.org', '--program', slot]
  const env = { MAILDIR: maildir, QUEUECHAIN: standInQueue() }
  const { code, err } = await onescan(words, { env, input: 'Subject: piped\n\n' })
  t.equal(code, 0, err)
  t.equal(deliveries(maildir)[0]?.message.toString(), 'X-QHPSI: clean\nSubject: piped\n\n')
  t.equal(deliveries(maildir)[0]?.sender, '')
})

t.test('a large message passes', async (t) => {
  const { inject, message, maildir } = host(t)
  const body = Buffer.alloc(5_000_000, 'line of text\r\n')
  writeFileSync(message, Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), body]))
  t.equal((await inject()).code, 0)
  t.equal(deliveries(maildir)[0]?.message.subarray(-body.length).equals(body), true)
})

t.test('an error in the options or in a file is reported, with exit code 2', async (t) => {
  const { inject, maildir } = host(t)
  const error = /--env novalue: must be KEY=VALUE/
  t.match(await inject('--env', 'novalue'), { code: 2, err: error })
  const words = '--from a --to b --program /bin/false'.split(' ')
  for (const file of ['/nonexistent', '/']) {
    t.match(await onescan(['inject', file, ...words]), { code: 2, err: file })
  }
  t.equal((await onescan(['inject', '/dev/null', '--from', 'a'])).code, 2, 'no recipient')
  t.same(leftBehind(maildir), [])
})
