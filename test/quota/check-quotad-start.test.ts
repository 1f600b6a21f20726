import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkStart } from '../../src/quota/check-quotad-start.ts'
import { openDirectory } from '../programs/host/reachable.ts'

/** onescan-quotad --check, of an account that could start it. */

if (process.getuid!() === 0) process.setuid!('nobody') // it would not start as root

/** A list of users. */
const passwd = join(openDirectory(t), 'passwd')
const entry = (name: string, uid: number, home: string) =>
  `${name}:x:${uid}:${uid}::${home}:/bin/sh\n`
const people = [entry('a', 1000, '/usr/a'), entry('b', 1001, '/nonexistent/b'), entry('c', 1002, '/nonexistent/c')] // biome-ignore format: a line
writeFileSync(passwd, `${entry('daemon', 1, '/gone/daemon')}${people.join('')}`)

t.test('--check warns about files that cannot be read', async (t) => {
  const env = { QUOTAMAILBOX: 'maildir:/usr/%u', QUOTAMAP: '/nonexistent/map' }
  const { checkLines } = await checkStart([], env)
  const complaints = checkLines.filter(({ level }) => level !== 'ok')
  t.match(complaints, [
    { level: 'warning', value: /^QUOTAMAP \/nonexistent\/map: no such file or directory/ },
  ])
})

t.test('--check warns about places of mailboxes that it does not see', async (t) => {
  const complaints = async (env: Record<string, string>) => {
    const { checkLines } = await checkStart([], env)
    return checkLines.flatMap(({ level, value }) => (level === 'ok' ? [] : [value]))
  }
  const missing = /^\/nonexistent: does not exist, so mailboxes in it are treated as empty/
  t.match(await complaints({ QUOTAUSERS: `passwd:${passwd}` }), [missing])
  t.match(await complaints({ QUOTAMAILBOX: 'maildir:/nonexistent/%d/%n' }), [missing])
  t.match(await complaints({ QUOTAMAILBOX: 'mbox:/nonexistent/m%u' }), [missing])
  t.same(await complaints({ QUOTAMAILBOX: 'maildir:/usr/%d/%n' }), [])
})
