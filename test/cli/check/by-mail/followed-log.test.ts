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
