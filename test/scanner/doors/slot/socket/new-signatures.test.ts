import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { lacks } from '../../../../needs.mjs'
import { clamdAnswer, clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { until } from '../../../../run/until.ts'
import { openMilter } from '../../milter/rig.ts'

/** Signatures on the disk that a real clamd has not loaded yet. Each test waits for them for seconds, and so beside the others. */

t.jobs = 3
const options = { skip: clamdMissing, buffered: true }

const letter = (n: number) =>
  Buffer.from(`Date: ${n}\nTo: <${n}@example.org>\nFrom: news@example.com\n\nan unknown worm\n`)
const signature = `Worm:0:*:${Buffer.from('unknown worm').toString('hex')}\n`

async function finds(clamd: { readonly socket: string }, mail: Buffer): Promise<void> {
  await until(
    async () => (await clamdAnswer(clamd.socket, mail)).answer === 'infected',
    'clamd has the new signatures',
  )
}

t.test(
  'while clamd has no signature for a virus, its mail is neither cached nor stamped, and later found',
  options,
  async (t) => {
    const clamd = await startClamd(t)
    const ring = `${t.testdir({})}/ring`
    const secret = Buffer.alloc(32, 7).toString('base64url')
    writeFileSync(ring, `hmac-sha256:alpha:${secret}\n`, { mode: 0o600 })
    const milter = await openMilter(t, {
      QHPSI: 'plugin: clamd',
      CLAMD: clamd.socket,
      CLAMDBDIR: `${clamd.directory}/db`,
      CLUSTERKEYS: ring,
      REJECTVIRUS: '1',
    })
    let n = 0
    const send = async () => {
      const { outcome, message } = await milter.submit({ message: letter(n++) })
      return { outcome, message, log: milter.mailLog.at(-1)! }
    }
    const sendUntil = (wanted: RegExp) => until(send, String(wanted), ({ log }) => wanted.test(log))
    // A clamd that was started behind the last change has loaded it; a verdict has whole seconds.
    const { message: stamped } = await sendUntil(/ scan=cached /)
    t.match(stamped.toString(), /X-SHA256-Cluster-1: /)

    writeFileSync(`${clamd.directory}/db/y.ndb`, signature)
    // That is seen within ten seconds.
    let next = await sendUntil(/ scan=clean .*no stamp/)
    for (let copies = 0; copies < 3; copies++) {
      t.match(next.log, / scan=clean .*no stamp: signatures changed/)
      t.notMatch(next.message.toString(), /X-SHA256-Cluster/)
      next = await send()
    }
    await milter.submit({ message: stamped })
    t.match(milter.mailLog.at(-1), /scan=clean .*this host has had new signatures since/)

    t.equal(await reload(clamd), 'RELOADING')
    await finds(clamd, letter(0))
    t.match(await send(), { outcome: 'refused', log: /scan=infected .*virus=Worm/ })
    t.equal((await milter.submit({ message: stamped })).outcome, 'refused')
  },
)

t.test(
  'no verdict is cached if a change of clamd signatures would go unnoticed',
  { ...options, skip: clamdMissing || lacks('clamdscan') },
  async (t) => {
    const clamd = await startClamd(t, { tcp: true })
    const other = t.testdir({ 'x.ndb': signature })
    let worm = 0
    for (const [CLAMD, CLAMDBDIR, QHPSI] of [
      [clamd.socket, '/nonexistent', 'plugin: clamd'],
      [clamd.socket, other, 'plugin: clamd'],
      [clamd.tcp, other, 'plugin: clamd'],
      [clamd.socket, other, `clamdscan -c ${clamd.configFile} --quiet %s`],
    ] as const) {
      const text = `worm ${++worm} of ${CLAMDBDIR}`
      const mail = (n: number) => Buffer.from(`Date: ${n}\nFrom: a@example.org\n\n${text}\n`)
      const milter = await openMilter(t, { QHPSI, CLAMD, CLAMDBDIR, REJECTVIRUS: '1' })
      for (let n = 0; n < 3; n++) await milter.submit({ message: mail(n) })
      writeFileSync(
        `${clamd.directory}/db/y${worm}.ndb`,
        `Worm:0:*:${Buffer.from(text).toString('hex')}\n`,
      )
      await reload(clamd)
      await finds(clamd, mail(0))
      t.equal((await milter.submit({ message: mail(9) })).outcome, 'refused', `${CLAMD} ${QHPSI}`)
      t.notOk(milter.mailLog.some((line) => line.includes('scan=cached')))
    }
  },
)

t.test(
  'signatures are noticed in a file of any ending, and so is a file that is gone',
  options,
  async (t) => {
    const hex = Buffer.from('spared worm').toString('hex')
    const clamd = await startClamd(t, {
      database: { 'w.ndb': `Spared:0:*:${hex}\n`, 'w.ign2': 'Spared\n' },
    })
    const db = `${clamd.directory}/db`
    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: db }
    for (const [text, change] of [
      ['a spared worm', () => rmSync(`${db}/w.ign2`)],
      ['an unknown worm', () => writeFileSync(`${db}/y.SDB`, signature)],
    ] as const) {
      let n = 0
      const mail = () => Buffer.from(`Date: ${n++}\nFrom: a@example.org\n\n${text}\n`)
      const milter = await openMilter(t, { ...settings, REJECTVIRUS: '1' })
      const isCached = async () => {
        await milter.submit({ message: mail() })
        return milter.mailLog.at(-1)!.includes(' scan=cached ')
      }
      // Time that has passed since this clamd made its socket: a verdict has whole seconds.
      const later = new Date(Date.now() + 60_000)
      utimesSync(clamd.socket, later, later)
      await until(isCached, 'a verdict is cached')
      utimesSync(clamd.socket, new Date(), new Date())
      change()
      // That is seen within ten seconds; and until clamd has loaded it, nothing clean is cached.
      await until(isCached, 'none is', (cached) => !cached)
      for (let copies = 0; copies < 3; copies++) {
        await milter.submit({ message: mail() })
        t.match(milter.mailLog.at(-1), / scan=clean /, text)
      }
      await reload(clamd)
      await finds(clamd, mail())
      t.equal((await milter.submit({ message: mail() })).outcome, 'refused', text)
    }
  },
)

/** Makes clamd load its signatures. Resolves to its answer, which comes before. */
async function reload(clamd: { readonly socket: string }): Promise<string> {
  const connection = connect(clamd.socket)
  connection.write('zRELOAD\0')
  return (await text(connection)).replace('\0', '')
}
