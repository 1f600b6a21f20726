import { appendFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FollowedLog } from '../../../../src/cli/check/by-mail/followed-log.ts'
import { findLog } from '../../../../src/log/read-log.ts'
import { openDirectory } from '../../../programs/reachable.ts'
import { until } from '../../../run/until.ts'

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
  t.equal((await log.untilAbout(`a${MARK}`, WITHIN)).length, 1)
  appendFileSync(current, line('b'))
  renameSync(current, join(path, '@400000006703f1a10a4e2b5c.s'))
  writeFileSync(current, `${line('c')}${line('another')}`)
  for (const id of ['b', 'c']) t.equal((await log.untilAbout(`${id}${MARK}`, WITHIN)).length, 1, id)
  truncateSync(current)
  appendFileSync(current, line('d'))
  t.equal((await log.untilAbout(`d${MARK}`, WITHIN)).length, 1, 'it was emptied')
  t.same(log.about('before'), [])
  t.same(log.faults, [])
})

t.test('what Postfix did itself with a message is told of that message alone', async (t) => {
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
  await log.untilAbout(`end${MARK}`, WITHIN)
  const rule = (id: string, subject: string, to = 'you@example.org', isBySmtp = true) =>
    log.ownRuleFor(`${id}${MARK}`, subject, to, isBySmtp)
  t.match(rule('any', 'onescan check b9f18476'), /^discard: header Subject/)
  t.match(rule('by-body', 'onescan check 1'), /^discard: body EICAR/)
  t.match(rule('unread', 'onescan check 2'), /^discard: RCPT/)
  t.equal(rule('unread', 'onescan check 2', 'you@example.org', false), undefined)
  t.equal(rule('passed', 'onescan check 3'), undefined)
  t.equal(rule('unread', 'onescan check 2', 'you@example.net'), undefined)
})

// promise: root-paths
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
    t.same(log.about('secret'), [])
  }
})
