import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { startStore, storeMissing } from '../../../../programs/servers/store-server.ts'
import { until } from '../../../../run/until.ts'
import { DATABASE, numbered, standIn } from '../../../scan/scanners/clamd/stand-in.ts'
import { openMilter } from '../../milter/rig.ts'

/** How two hosts share verdicts through a store. */

const skip = storeMissing
const secret = Buffer.alloc(32, 7).toString('base64url')
const letter = (n: number, body = 'Hello') =>
  Buffer.from(`Date: ${n}\nTo: <${n}@example.org>\nFrom: news@example.com\n\n${body}\n`)

/** Opens a host with a clamd of its own, which has these signatures. */
async function openHost(t: Test, store: string, signatures = () => 27_600) {
  const ring = `${t.testdir({})}/ring`
  writeFileSync(ring, `hmac-sha256:alpha:${secret}\n`, { mode: 0o600 })
  const clamd = await standIn(
    t,
    (asked) =>
      numbered(asked.message.includes('virus') ? 'stream: Eicar FOUND' : 'stream: OK')(asked),
    { version: () => `ClamAV 1.4.3/${signatures()}/Tue Apr  8 08:43:46 2025` },
  )
  const milter = await openMilter(t, {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLAMDBDIR: DATABASE,
    CLUSTERKEYS: ring,
    REJECTVIRUS: '1',
    VERDICTS: store,
  })
  // A store is asked once it is connected, and nobody waits for that.
  return {
    ...milter,
    scans: () => clamd.asked.filter(({ command }) => command === 'zINSTREAM').length,
    send: (n: number, body?: string) => milter.submit({ message: letter(n, body) }),
  }
}

type Server = Awaited<ReturnType<typeof startStore>>

const { now } = Date
/** The clock of a host that is opened while it stands for Date.now(). */
const later = () => now() + 3_601_000

/** Connected are those who name themselves so. */
async function connected(server: Server, count: number): Promise<void> {
  const named = () => server.command('client', 'list').match(/name=onescand/g)?.length ?? 0
  await until(() => named() >= count, `${count} are connected`)
}

/** So many verdicts, and no claim of a host that is still scanning. */
async function kept(server: Server, count: number): Promise<void> {
  const verdicts = () =>
    server.command('keys', '*').split('\n').filter((key) => Number(server.command('strlen', key)) > 32) // biome-ignore format: a line
  await until(
    () => server.command('dbsize') === String(count) && verdicts().length >= count,
    `${count} verdicts`,
  )
}

t.test('a host knows what another host has scanned', { skip }, async (t) => {
  const server = await startStore(t)
  const store = `valkey://127.0.0.1:${server.port}`
  const [first, second] = [await openHost(t, store), await openHost(t, store)]
  await connected(server, 2)
  await first.send(1)
  await first.send(2, 'virus')
  await kept(server, 2)
  const { outcome, message } = await second.send(3)
  t.equal(outcome, 'delivered')
  t.match(
    message.toString(),
    /^X-QHPSI: clean\nX-SHA256-Cluster-1: v=1; k=alpha; t=\d+; s=clamd,everypart;/,
  )
  t.equal((await second.send(4, 'virus')).reply, '550 5.7.1 message refused: virus Eicar')
  t.same([first.scans(), second.scans()], [2 + 1, 0], 'one of what copies of the virus share')
  t.match(second.mailLog[0], / scan=cached scanner=clamd by=\S+ age=\d+ key=alpha /)
  t.match(second.mailLog[1], / scan=cached scanner=clamd virus=Eicar grounds=virus by=\S+ age=\d+ /)
})

// promise: verdict-forged
t.test('a program that can write to the store cannot forge a verdict', { skip }, async (t) => {
  const server = await startStore(t)
  const store = `valkey://127.0.0.1:${server.port}`
  const [first, second] = [await openHost(t, store), await openHost(t, store)]
  await connected(server, 2)
  await first.send(1)
  await kept(server, 1)
  const clean = server.command('keys', '*')
  await first.send(2, 'virus')
  await kept(server, 2)
  const virus = server
    .command('keys', '*')
    .split('\n')
    .find((key) => key !== clean)!

  const cut = 'redis.call("set", KEYS[1], redis.call("getrange", KEYS[1], 0, 59))'
  const attacks: (() => void)[] = [
    () => server.command('copy', clean, virus, 'replace'), // swapped
    () => server.command('set', virus, 'onescan-verdict/1\\nclean'),
    () => server.command('setrange', virus, '40', 'clean'),
    () => server.command('set', virus, ''),
    () => server.command('eval', cut, '1', virus),
  ]
  for (const [n, attack] of attacks.entries()) {
    attack()
    // Another host, since each believes its own memory.
    const fresh = await openHost(t, store)
    await connected(server, 3 + n)
    t.equal((await fresh.send(10 + n, 'virus')).outcome, 'refused')
    t.equal(fresh.scans(), 1 + 1)
    t.match(fresh.mailLog[0], / scan=infected /)
  }
  server.command('flushall')
  t.equal((await second.send(99)).outcome, 'delivered')
  t.equal(second.scans(), 1, 'and can make it forget')
})

t.test(
  'an old verdict that is put back into the store is ignored for longer',
  { skip },
  async (t) => {
    const server = await startStore(t)
    const store = `valkey://127.0.0.1:${server.port}`
    const opened = async (signatures?: () => number) => {
      const before = server.command('client', 'list').match(/name=onescand/g)?.length ?? 0
      const host = await openHost(t, store, signatures)
      await connected(server, before + 1)
      return host
    }
    const first = await opened()
    await first.send(1)
    await kept(server, 1)
    const key = server.command('keys', '*')
    /** Without an expiry, as no onescand sets it. */
    const copy = 'redis.call("set", KEYS[2], redis.call("get", KEYS[1]))'
    const put = (from: string, to: string) => server.command('eval', copy, '2', from, to)
    put(key, 'saved')
    const clock = t.intercept(Date, 'now', { value: later })
    const strict = await opened()
    clock.restore()
    put('saved', key)
    await strict.send(2)
    t.equal(strict.scans(), 1, 'after an hour')

    put('saved', key)
    const updated = await opened(() => 27_601)
    await updated.send(3)
    t.equal(updated.scans(), 1, 'after an update of the signatures')

    await first.send(4, 'other')
    await kept(server, 3)
    const other = server.command('keys', 'onescan:*').split('\n').find((name) => name !== key)! // biome-ignore format: a value
    put('saved', other)
    const fresh = await opened()
    await fresh.send(5, 'other')
    t.equal(fresh.scans(), 1, 'under the key of another message')

    put('saved', key)
    const lenient = await opened()
    await lenient.send(6)
    t.equal(lenient.scans(), 0, 'nothing else was wrong with it')
    t.match(lenient.mailLog[0], / scan=cached /)
  },
)
