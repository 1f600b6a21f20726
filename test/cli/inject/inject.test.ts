import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import {
  deliveries,
  leftBehind,
  makeMaildir,
  recordedCalls,
  standInQueue,
} from '../../stand-in/stand-in.ts'

const command = resolve(import.meta.dirname, '../../../src/cli/inject/inject.ts')

/** Runs the command as main does. */
const main = `
  import yargs from 'yargs'
  import { injectCommand } from ${JSON.stringify(command)}
  const refuse = (message, error) => { throw error ?? new Error(message) }
  try {
    await yargs(process.argv.slice(1)).command(injectCommand).strict().fail(refuse).parseAsync()
  } catch (error) {
    process.stderr.write(error.message)
    process.exitCode = 2
  }`

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

function onescan(words: string[], env: Record<string, string> = {}, input = ''): Promise<Result> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      ['--input-type=module', '-e', main, '--', ...words],
      { env: { PATH: process.env.PATH, ...env } },
      (error, out, err) => done({ code: Number(error?.code ?? 0), out, err }),
    )
    child.stdin?.end(input)
  })
}

/** A slot that hands its chain a spool with a gap, at an offset in its middle, as onescan-queue may. */
const slotScript = `#!/bin/sh
spool=$(mktemp) && envelope=$(mktemp) || exit 63
exec 3<&1
{ printf 'gap '; printf 'X-QHPSI: clean\\n'; cat; } >$spool
cat <&3 >$envelope
exec <$spool 1<>$envelope
rm -f $spool $envelope
head -c 4 >/dev/null
echo 'slot decision=accept' >&2
exec $QUEUECHAIN
`

interface Host {
  readonly message: string
  readonly maildir: string
  readonly slot: string
  /** The arguments of every call. */
  inject(...more: string[]): Promise<Result>
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
    inject: (...more) => onescan(['inject', message, ...words, '--program', slot, ...more], env),
  }
}

t.test('an accepted message: reply, exit code, log, header, and the mail itself', async (t) => {
  const { inject, maildir } = host(t)
  const { code, out, err } = await inject()
  t.equal(code, 0, err)
  t.match(out, /^reply {4}250 ok \d+ qp \d+$/m)
  t.match(out, /^exit {5}0$/m)
  t.match(out, /^time {5}\d+ ms$/m)
  t.match(out, /^log {6}slot decision=accept$/m)
  t.match(out, /^from {5}<a@example.org>\nto {7}<b@example.org>\nto {7}<c@example.org>$/m)
  t.match(
    out,
    /^headers\n {2}X-QHPSI: clean\n {2}Subject: hello\n {4}folded\n {2}X-Odd: \\x1b\[31m\\xe9\n$/m,
  )
  t.notMatch(out, /not a header/)

  const [delivery, ...more] = deliveries(maildir)
  t.equal(more.length, 0)
  t.equal(delivery?.message.toString('latin1'), `X-QHPSI: clean\n${text}`)
  t.same(delivery?.recipients, ['b@example.org', 'c@example.org'])
})

t.test('a dry run shows the same as a real one, and delivers nothing', async (t) => {
  const { inject, maildir } = host(t)
  const { code, out } = await inject('--dry-run')
  t.equal(code, 0)
  t.match(out, /^reply {4}250 ok/m)
  t.match(out, /^queued {3}no, this is a dry run$/m)
  t.match(out, /^ {2}X-QHPSI: clean$/m)
  t.same(leftBehind(maildir), [])
})

t.test('a dry run is refused with a program that may deliver by itself', async (t) => {
  const { message, maildir } = host(t)
  const words = ['inject', message, '--from', 'a', '--to', 'b', '--program', standInQueue()]
  const { code, err } = await onescan([...words, '--dry-run'], { MAILDIR: maildir })
  t.equal(code, 2)
  t.match(err, /--dry-run/)
  t.same(leftBehind(maildir), [])
})

t.test('with --no-headers no program stands before the chain', async (t) => {
  const { inject, maildir } = host(t)
  const record = join(maildir, 'calls')
  const { code, out } = await inject('--no-headers', '--env', `STANDIN_RECORD=${record}`)
  t.equal(code, 0)
  t.notMatch(out, /^headers/m)
  t.equal(deliveries(maildir).length, 1)
  t.equal(recordedCalls(record)[0]?.environment.QUEUECHAIN, standInQueue())
})

t.test('the client sees the answer of the chain', async (t) => {
  const { inject, maildir } = host(t)
  const refused = await inject('--env', 'STANDIN_EXIT=31')
  t.equal(refused.code, 1)
  t.match(refused.out, /^reply {4}554 mail server permanently rejected message \(#5\.3\.0\)$/m)
  const deferred = await inject('--env', 'STANDIN_EXIT=53', '--as', 'indimail')
  t.equal(deferred.code, 1)
  t.match(deferred.out, /^reply {4}451 qq write error or disk full \(#4\.3\.0\)$/m)
  const missing = await inject('--env', 'QUEUECHAIN=/nonexistent')
  t.equal(missing.code, 1)
  t.match(missing.out, /^exit {5}120$/m)
  t.same(leftBehind(maildir), [])
})

t.test("the slot's own text comes by fd 6 for notqmail, and by fd 2 for IndiMail", async (t) => {
  const { inject, slot } = host(t)
  writeFileSync(
    slot,
    '#!/bin/sh\ncat >/dev/null\nprintf "Dvirus found: Eicar" >&$ERROR_FD\nexit $CODE\n',
  )
  const notqmail = await inject('--env', 'ERROR_FD=6', '--env', 'CODE=82')
  t.match(notqmail.out, /^reply {4}554 virus found: Eicar$/m)
  const indimail = await inject('--env', 'ERROR_FD=2', '--env', 'CODE=88', '--as', 'indimail')
  t.match(indimail.out, /^reply {4}554 virus found: Eicar$/m)
})

t.test('--json prints everything, with a character for each byte', async (t) => {
  const { inject, slot } = host(t)
  const [report] = JSON.parse((await inject('--json')).out).results
  t.match(report, {
    reply: /^250 ok/,
    program: slot,
    dryRun: false,
    exitCode: 0,
    signal: null,
    log: ['slot decision=accept'],
    envelope: { sender: 'a@example.org', recipients: ['b@example.org', 'c@example.org'] },
    header: 'X-QHPSI: clean\nSubject: hello\n  folded\nX-Odd: \x1b[31m\xe9\n\n',
  })
  t.type(report.milliseconds, 'number')
  writeFileSync(slot, '#!/bin/sh\nkill -KILL $$\n')
  t.match(JSON.parse((await inject('--json')).out).results[0], {
    reply: '451 qq crashed (#4.3.0)',
    exitCode: null,
    signal: 'SIGKILL',
    envelope: null,
    header: null,
  })
})

t.test('the message may come from standard input', async (t) => {
  const { maildir, slot } = host(t)
  const words = ['inject', '-', '--from', '<>', '--to', 'b@example.org', '--program', slot]
  const env = { MAILDIR: maildir, QUEUECHAIN: standInQueue() }
  const { code, err } = await onescan(words, env, 'Subject: piped\n\n')
  t.equal(code, 0, err)
  t.equal(deliveries(maildir)[0]?.message.toString(), 'X-QHPSI: clean\nSubject: piped\n\n')
  t.equal(deliveries(maildir)[0]?.sender, '')
})

t.test('a large message passes, and its header is seen', async (t) => {
  const { inject, message, maildir } = host(t)
  const body = Buffer.alloc(5_000_000, 'line of text\r\n')
  writeFileSync(message, Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), body]))
  const { out } = await inject()
  t.match(out, /^ {2}Subject: large$/m)
  t.equal(deliveries(maildir)[0]?.message.subarray(-body.length).equals(body), true)
})

t.test('an error in the options or in a file is reported, with exit code 2', async (t) => {
  const { inject, maildir } = host(t)
  for (const [words, said] of [
    [['--env', 'novalue'], /--env novalue: must be KEY=VALUE/],
    [['--as', 'sendmail'], /sendmail/],
    [['--env', 'QUEUECHAIN="open'], /QUEUECHAIN/],
  ] as const) {
    const { code, err } = await inject(...words)
    t.equal(code, 2)
    t.match(err, said)
  }
  for (const file of ['/nonexistent', '/']) {
    const { code, err } = await onescan([
      'inject',
      file,
      '--from',
      'a',
      '--to',
      'b',
      '--program',
      '/bin/false',
    ])
    t.equal(code, 2)
    t.match(err, new RegExp(`${file}`))
  }
  t.equal((await onescan(['inject', '/dev/null', '--from', 'a'])).code, 2, 'no recipient')
  t.same(leftBehind(maildir), [])
})
