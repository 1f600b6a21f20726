import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Slapd, slapdMissing, startSlapd } from '../../programs/servers/slapd.ts'
import { type Quotad, spool, startQuotad } from '../quotad.ts'

/** Questions about many users at once, to a real slapd that is killed, stopped and started again. */

const USERS = 200
const options = ['--max-clients', '300']
/** Two crowds, and users for single questions: what is known of a user is cached. */
const [some, others] = [1, 2].map((crowd) =>
  Array.from({ length: USERS }, (_, n) => `user${crowd}-${n}`),
) as [string[], string[]]
const single = ['ann', 'ben', 'cy'] as const

t.test('of a directory', { skip: slapdMissing }, async (t) => {
  const directory = spool(t, { 'home/maildirsize': '1000S\n400 4\n' })
  const home = join(directory, 'home')
  const people = [...some, ...others, ...single].map((uid) => ({
    uid,
    mailMessageStore: home,
    mailQuotaSize: '300',
  }))
  const slapd = await startSlapd(t, people, 'all')

  for (const binding of ['anonymously', 'bound'] as const) {
    t.test(binding, async (t) => {
      const patient = { ...settingsFor(slapd, binding), QUOTATIMEOUT: '25000' }
      await wellRounds(t, await startQuotad(t, patient, options), slapd)
      for (const other of [
        { QUOTALDAPURL: slapd.secureUrl, QUOTALDAPCA: slapd.authorities },
        { QUOTALDAPURL: slapd.socketUrl },
      ]) {
        await wellRounds(t, await startQuotad(t, { ...patient, ...other }, options), slapd)
      }
      const hasty = { ...settingsFor(slapd, binding), QUOTATIMEOUT: '1875' }
      await faultRounds(t, await startQuotad(t, hasty), slapd)
    })
  }
})

/** Asks about 20 and about 200 users at once. */
async function wellRounds(t: Test, quotad: Quotad, slapd: Slapd): Promise<void> {
  const before = slapd.accepted()
  t.same(await overHttp(quotad, some.slice(0, 20)), { 200: 20 }, '20 users, the first of all')
  t.same(await overHttp(quotad, some), { 200: USERS }, '200 users')
  t.same(await overUdp(quotad, others), { QUOTA_FULL: USERS })
  t.equal(slapd.accepted() - before, 1, 'all of them over one connection')
}

/** Kills and stops the directory while it is asked, and starts it again. */
async function faultRounds(t: Test, quotad: Quotad, slapd: Slapd): Promise<void> {
  const [ann, ben, cy] = single
  await untilKnown(quotad, ann)
  const descriptors = descriptorsOf(quotad)
  const allUnknown = { QUOTA_ERROR: USERS }

  await slapd.pause()
  t.same(await overUdp(quotad, some), allUnknown, 'stopped: each is answered in time')
  t.same(await overUdp(quotad, some), allUnknown)
  slapd.resume()
  await untilKnown(quotad, ben)
  t.same(await overUdp(quotad, some), { QUOTA_FULL: USERS }, 'a hung connection was replaced')

  await slapd.pause()
  const asked = overUdp(quotad, others)
  await slapd.kill()
  t.same(await asked, allUnknown, 'killed under 200 questions')
  t.same(await overUdp(quotad, others), allUnknown, 'while it is gone')
  await slapd.start()
  await untilKnown(quotad, cy)
  t.same(await overUdp(quotad, others), { QUOTA_FULL: USERS }, 'started again')
  t.ok(descriptorsOf(quotad) <= descriptors, 'no connection is left behind')
}

async function untilKnown(quotad: Quotad, user: string): Promise<void> {
  while ((await quotad.ask(`CHECK_QUOTA ${user}`)) !== 'QUOTA_FULL') await wait(50)
}

function descriptorsOf({ pid }: Quotad): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

type Counts = Record<string, number>

/** Asks about all users at once. Resolves to the number of times that each status or word came. */
async function overHttp({ url }: Quotad, users: readonly string[]): Promise<Counts> {
  const ask = async (user: string) => (await fetch(`${url}/cgi-bin/quota.cgi?u=${user}`)).status
  return countsOf(await Promise.all(users.map(ask)))
}

async function overUdp(quotad: Quotad, users: readonly string[]): Promise<Counts> {
  const ask = async (user: string) => (await quotad.ask(`CHECK_QUOTA ${user}`)).split(' ')[0]!
  return countsOf(await Promise.all(users.map(ask)))
}

function countsOf(answers: readonly (string | number)[]): Counts {
  const counts: Counts = {}
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}

function settingsFor(slapd: Slapd, binding: 'anonymously' | 'bound'): Record<string, string> {
  const bind = { QUOTALDAPBIND: slapd.bindDn, QUOTALDAPPASSWORD: slapd.passwordFile }
  return {
    QUOTAMAILBOX: 'maildir:%h',
    QUOTALDAPURL: slapd.url,
    ...(binding === 'bound' ? bind : {}),
  }
}

t.test(
  'a certificate must have the name of the server, and a known authority',
  {
    skip: slapdMissing,
  },
  async (t) => {
    const slapd = await startSlapd(t, [], 'all')
    const settings = settingsFor(slapd, 'anonymously')
    const other = slapd.secureUrl.replace('127.0.0.1', 'localhost')
    for (const wrong of [
      { QUOTALDAPURL: slapd.secureUrl },
      { QUOTALDAPURL: other, QUOTALDAPCA: slapd.authorities },
    ]) {
      const quotad = await startQuotad(t, { ...settings, ...wrong })
      t.equal(await quotad.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
      t.match(await quotad.logged(/ event=unreadable /), /certificate|altnames/i)
    }
  },
)
