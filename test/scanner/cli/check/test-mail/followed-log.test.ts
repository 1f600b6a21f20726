import { appendFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FollowedLog } from '../../../../../src/scanner/cli/check/test-mail/followed-log.ts'
import { findLog } from '../../../../../src/scanner/log/read-log.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { until } from '../../../../run/until.ts'

/** The logs that `onescan check --mail` follows while it sends. */

const MARK = '@check.onescan.invalid'
const WITHIN = 20_000
const line = (id: string) => `onescan: decision=accept msgid=<${id}${MARK}>\n`

/** A directory of multilog, and what is read in it from now on. */
function follow(t: Test, path = openDirectory(t)) {
  const current = join(path, 'current')
  writeFileSync(current, line('before'))
  const log = new FollowedLog(findLog(path), MARK)
  t.teardown(() => log.close())
  return { path, current, log }
}

t.test('a log is followed from now on, also into the file that follows a full one', async (t) => {
  const { path, current, log } = follow(t)
  appendFileSync(current, line('a').slice(0, 20))
  appendFileSync(current, line('a').slice(20))
  t.equal((await log.waitForRecords(`a${MARK}`, WITHIN)).length, 1)
  appendFileSync(current, line('b'))
  renameSync(current, join(path, '@400000006703f1a10a4e2b5c.s'))
  writeFileSync(current, `${line('c')}${line('another')}`)
  for (const id of ['b', 'c'])
    t.equal((await log.waitForRecords(`${id}${MARK}`, WITHIN)).length, 1, id)
  truncateSync(current)
  appendFileSync(current, line('d'))
  t.equal((await log.waitForRecords(`d${MARK}`, WITHIN)).length, 1, 'it was emptied')
  t.same(log.recordsOf('before'), [])
  t.same(log.faults, [])
})

t.test(
  'a line that two logs have counts once, and one that a log has twice counts twice',
  async (t) => {
    const [one, other] = ['one', 'other'].map((name) => join(openDirectory(t), name))
    for (const path of [one!, other!]) writeFileSync(path, '')
    const log = new FollowedLog([one!, other!].flatMap(findLog), MARK)
    t.teardown(() => log.close())
    appendFileSync(one!, `2026-11-25T00:48:54+0000 mx onescand[7]: ${line('a')}`.repeat(2))
    await until(() => log.recordsOf(`a${MARK}`).length === 2, 'the lines of the first log')
    appendFileSync(other!, `Nov 25 00:48:54 mx onescand[7]: ${line('a')}`.repeat(3) + line('b'))
    await log.waitForRecords(`b${MARK}`, WITHIN)
    t.equal(log.recordsOf(`a${MARK}`).length, 3)
  },
)

t.test(
  'an action of Postfix is reported for the message that it concerns, and for no other',
  async (t) => {
    const { current, log } = follow(t)
    const smtp =
      'from localhost[127.0.0.1]; from=<> to=<you@example.org> proto=ESMTP helo=<localhost>'
    const postfix = [
      `cleanup[7]: 5660442205F: discard: header Subject: onescan check b9f18476 ${smtp}`,
      `cleanup[7]: 0EFCC42304C: message-id=<by-body${MARK}>`,
      'cleanup[7]: 0EFCC42304C: discard: body EICAR from local; from=<> to=<you@example.org>',
      `cleanup[7]: 1AAAA42304C: message-id=<passed${MARK}>`,
      `smtpd[8]: NOQUEUE: discard: RCPT ${smtp.replace(';', ': <you@example.org>: triggers DISCARD;')}`,
      `cleanup[7]: 2BBBB42304C: milter-reject: END-OF-MESSAGE ${smtp}`,
      `smtpd[8]: NOQUEUE: reject: RCPT ${smtp.replace('you@', 'ben@')}`,
    ]
    appendFileSync(
      current,
      postfix.map((line) => `2026-11-25T00:48:54+0000 mx postfix/${line}\n`).join(''),
    )
    appendFileSync(current, line('end'))
    await log.waitForRecords(`end${MARK}`, WITHIN)
    const rule = (id: string, subject: string, to = 'you@example.org', isBySmtp = true) =>
      log.ownRuleFor(`${id}${MARK}`, subject, to, isBySmtp)
    t.match(rule('any', 'onescan check b9f18476'), /^discard: header Subject/)
    t.match(rule('by-body', 'onescan check 1'), /^discard: body EICAR/)
    t.match(rule('unread', 'onescan check 2'), /^discard: RCPT/)
    t.equal(rule('unread', 'onescan check 2', 'you@example.org', false), undefined)
    t.equal(rule('passed', 'onescan check 3'), undefined)
    t.equal(rule('unread', 'onescan check 2', 'you@example.net'), undefined)
  },
)

t.test('a delivery status of a mail server is reported for its message alone', async (t) => {
  const { current, log } = follow(t)
  const to = 'to=<you@example.org>, relay=none, delay=0.01'
  const refused = 'connect to 127.0.0.1[127.0.0.1]:10025: Connection refused'
  const servers = [
    `mx postfix/cleanup[7]: 1A2B3C: message-id=<postfix${MARK}>`,
    `mx postfix/smtp[8]: 1A2B3C: ${to}, dsn=4.4.1, status=deferred (${refused})`,
    `mx sm-mta[7]: 5APA01: from=<>, size=3, nrcpts=1, msgid=<sendmail${MARK}>, proto=ESMTP`,
    'mx sm-mta[8]: 5APA01: to=<you@example.org>, dsn=4.0.0, stat=Deferred: Connection refused by x.',
    `mx sm-mta[7]: 5APA02: from=<>, size=3, nrcpts=1, msgid=<mailer${MARK}>, proto=ESMTP`,
    'mx sm-mta[8]: 5APA02: to=<you@example.org>, dsn=4.0.0, stat=Operating system error',
    `1xW3Fj-00000A-19 <= <> U=onescan-check P=local S=412 id=exim${MARK}`,
    '1xW3Fj-00000A-19 == you@example.org R=to_onescan T=onescan defer (111): Connection refused',
    '1xW3Fj-00000A-19 == you@example.org R=to_onescan defer (-54): retry time not reached',
    `1xW3Fj-00000B-19 <= <> U=onescan-check P=local S=412 id=delivered${MARK}`,
    '1xW3Fj-00000B-19 == you@example.org R=local_user T=maildir_home defer (-1): lock',
    '1xW3Fj-00000B-19 => you <you@example.org> R=local_user T=maildir_home',
    '1xW3Fj-00000B-19 Completed',
    `1xW3Fj-00000C-19 <= <> U=onescan-check P=local S=412 id=untold${MARK}`,
    // A filter that replies after the server has tried to deliver what it returned.
    `mx postfix/cleanup[7]: 2A2B3C: message-id=<returned${MARK}>`,
    `mx postfix/cleanup[7]: 3A2B3C: message-id=<returned${MARK}>`,
    `mx postfix/smtp[8]: 3A2B3C: ${to}, dsn=4.4.1, status=deferred (${refused})`,
    `mx postfix/smtp[8]: 2A2B3C: ${to}, dsn=2.0.0, status=sent (250 queued as 3A2B3C)`,
  ]
  appendFileSync(current, servers.map((line) => `2026-11-25 03:00:59 ${line}\n`).join(''))
  appendFileSync(current, line('end'))
  await log.waitForRecords(`end${MARK}`, WITHIN)
  const status = (id: string) => log.deliveryOf(`${id}${MARK}`)
  t.same(status('postfix'), { waits: true, text: `status=deferred (${refused})` })
  t.same(status('sendmail'), {
    waits: true,
    text: 'stat=Deferred: Connection refused by x.',
  })
  t.same(status('mailer'), { waits: true, text: 'stat=Operating system error' })
  const reason = '== you@example.org R=to_onescan T=onescan defer (111): Connection refused'
  t.same(status('exim'), { waits: true, text: reason }, 'the reason, not that it waits still')
  t.same(status('returned'), { waits: true, text: `status=deferred (${refused})` })
  const mailbox = '=> you <you@example.org> R=local_user T=maildir_home'
  t.same(status('delivered'), { waits: false, text: mailbox })
  t.same([status('untold'), status('unread')], [undefined, undefined])
})

// promise: root-paths
t.test('the complaint of a mail server about a filter shows the cause of others', async (t) => {
  const { current, log } = follow(t)
  t.equal(await log.waitForComplaint(1), undefined)
  for (const words of [
    'warning: process /usr/lib/postfix/sbin/cleanup pid 7 exit status 1',
    'warning: connect #1 to subsystem public/cleanup: Permission denied',
    'warning: connect to Milter service inet:127.0.0.1:8890: Connection refused',
  ]) {
    appendFileSync(current, `Nov 30 10:00:00 mx postfix/smtpd[7]: ${words}\n`)
    await until(() => log.complaint?.text === `postfix/smtpd: ${words}`, words)
  }
  const chain = 'Nov 30 10:00:00 mx postfix/smtpd[7]: warning: error opening chain file: /x: No such file or directory\n' // biome-ignore format: a line
  appendFileSync(current, chain)
  await until(() => log.complaintOfTls !== undefined, 'what only TLS needs')
  t.match(log.complaint?.text, /Milter/)
})

t.test('of lines before the test, the end of a program alone counts', async (t) => {
  const line = (ago: number, text: string) =>
    `${new Date(Date.now() - ago * 1000).toISOString()} mx postfix/cleanup[7]: ${text}`
  const follows = (...lines: readonly string[]) => {
    const file = join(openDirectory(t), 'journal')
    writeFileSync(file, `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\n. .\nEND\nexec sleep 60\n`, { mode: 0o755 }) // biome-ignore format: a line
    const log = new FollowedLog([{ path: 'the journal', modified: 0, command: [file] }], MARK)
    t.teardown(() => log.close())
    return log
  }
  const old = follows(line(30, 'warning: x: Permission denied'), line(30, 'fatal: bad settings'))
  await until(() => old.complaint !== undefined, 'the old one')
  t.equal(old.complaint?.text, 'postfix/cleanup: fatal: bad settings')
  const both = follows(line(30, 'fatal: bad settings'), line(-1, 'warning: x: File too large'))
  await until(() => /large/.test(both.complaint?.text ?? ''), 'that of now')
  const end = follows(line(30, 'fatal: bad settings'), line(-1, 'warning: process x pid 7 exit status 1')) // biome-ignore format: a line
  await until(() => end.complaint !== undefined, 'its reason')
  t.match(end.complaint?.text, /bad settings/)
})

t.test('no link of the owner of a log is followed', async (t) => {
  const secret = join(openDirectory(t), 'secret')
  writeFileSync(secret, line('secret'))
  for (const [name, target] of Object.entries({ link: secret, device: '/dev/zero' })) {
    const { current, log } = follow(t)
    const aside = `${current}.aside`
    symlinkSync(target, aside)
    renameSync(aside, current)
    await until(() => log.faults.length > 0, 'a fault')
    t.match(log.faults, [/current: is a link, and links are not followed there/], name)
    t.same(log.recordsOf('secret'), [])
  }
})

t.test('long lines in the log of a mail server take little time', async (t) => {
  const { current, log } = follow(t)
  const before = process.cpuUsage()
  // Each took a second.
  for (let line = 0; line < 20; line++) appendFileSync(current, `${': t: to='.repeat(8000)}\n`)
  appendFileSync(current, line('a'))
  t.equal((await log.waitForRecords(`a${MARK}`, WITHIN)).length, 1)
  const { user } = process.cpuUsage(before)
  t.ok(user < 5_000_000, `${user} µs`)
})
