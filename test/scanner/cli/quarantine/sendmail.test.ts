import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { buildStage } from '../../../cases/stage.ts'
import { lacks } from '../../../needs.mjs'
import { keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import { jsonIn, ofPlain, onescan } from '../onescan.ts'

/** `onescan quarantine release` by sendmail(8), which is another one in a mount namespace of the test. */

const SENDMAIL = '/usr/sbin/sendmail'
const skip = lacks('root') || (!existsSync(SENDMAIL) && 'install an MTA')

/** Runs the command where this script is sendmail, or this directory has it. */
const INSTEAD = (place: string) => [
  ...['unshare', '--mount', 'sh', '-c', `mount --bind "$0" ${place} && exec "$@"`],
]

t.test('a message in CRLF is given to sendmail whole and in LF', { skip }, async (t) => {
  const { stage, release, state } = await build(t, 'cat >message; printf "%s\\n" "$@" >words')
  const { code, out, err } = await release()
  t.equal(code, 0, err)
  t.match(out, `sent by ${SENDMAIL} to 2 recipients`)
  t.equal(readFileSync(join(stage, 'message'), 'latin1'), 'Subject: x\n\nhello\n.\nbye\n')
  t.same(readFileSync(join(stage, 'words'), 'latin1').split('\n'), [
    ...['-i', '-f', 'ann@example.net', '--', 'ben@example.org', 'bob@example.org', ''],
  ])
  t.equal(await state(), 'released')
})

t.test('a bounce has the empty sender by each sendmail', { skip }, async (t) => {
  for (const [qmails, sender] of [
    [false, '<>'],
    [true, ''],
  ] as const) {
    const lines = 'cat >message; printf "%s\\n" "$@" >words'
    const { stage, release } = await build(t, lines, { sender: '', qmails })
    const { code, err } = await release()
    t.equal(code, 0, err)
    const words = readFileSync(join(stage, 'words'), 'latin1').split('\n')
    t.same(words.slice(0, 4), ['-i', '-f', sender, '--'])
  }
})

t.test('a message that sendmail refuses stays, and its error is reported', { skip }, async (t) => {
  const { release, state } = await build(t, 'echo "no such option" >&2; exit 64')
  const { code, err } = await release()
  t.equal(code, 2)
  t.match(err, `${SENDMAIL}: failed with 64 (no such option)`)
  t.equal(await state(), 'kept')
})

t.test('a message that sendmail may have queued is not released again', { skip }, async (t) => {
  for (const [end, reported] of [
    ['echo "Deferred: name server" >&2; exit 75', '75 (Deferred: name server)'],
    ['exit 70', '70'],
    ['kill -9 $$', 'SIGKILL'],
  ]) {
    const { release, state } = await build(t, `cat >message; ${end}`)
    const { code, err } = await release()
    t.equal(code, 2)
    t.match(err, `${SENDMAIL}: failed with ${reported}; the message may have been delivered`)
    t.match(
      err,
      'look for it in the mail queue (mailq); if it is not there, release it with --again',
    )
    t.equal(await state(), 'releasing')
  }
})

t.test('mail of a milter goes back over SMTP, as it came', { skip }, async (t) => {
  const { release, state } = await build(t, 'exit 0', { by: [] })
  const { code, err } = await release(['unshare', '--net']) // nothing listens there
  t.equal(code, 2)
  t.match(err, '127.0.0.1:25: ')
  t.equal(await state(), 'kept')
})

/**
 * A quarantine with one message, and its release by a sendmail with these lines of sh(1): that of qmail
 * is a link to its own directory.
 */
async function build(
  t: Test,
  lines: string,
  { sender = 'ann@example.net', qmails = false, by = ['--by', 'sendmail'] } = {},
) {
  const stage = buildStage(t)
  const directory = makeQuarantine(t)
  const mail = {
    door: 'milter' as const,
    sender,
    recipients: ['ben@example.org', 'bob@example.org'],
  }
  const id = await keepOne(directory, Date.now(), {
    ...mail,
    text: 'Subject: x\r\n\r\nhello\r\n.\r\nbye\r\n',
  })
  const name = qmails ? 'qmail-sendmail' : 'sendmail'
  const script = stage.file(name, `#!/bin/sh\ncd ${stage.directory}\n${lines}\n`, 0o755)
  const around = qmails ? INSTEAD(dirname(SENDMAIL)) : INSTEAD(SENDMAIL)
  const there = qmails ? join(stage.directory, 'sbin') : script
  if (qmails) {
    mkdirSync(there)
    symlinkSync(script, join(there, 'sendmail'))
  }
  ofPlain(stage.directory)
  ofPlain(directory)
  const words = ['quarantine', 'release', '--no-stamp', ...by, id]
  const own = ['--directory', directory]
  return {
    stage: stage.directory,
    release: (before: readonly string[] = []) =>
      onescan([...words, ...own], { around: [...before, ...around, there] }),
    async state() {
      const { out } = await onescan(['quarantine', 'list', '--released', '--json', ...own])
      return jsonIn<{ state: string }>(out).results[0]?.state
    },
  }
}
