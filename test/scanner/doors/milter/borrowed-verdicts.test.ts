import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { openMilter } from './rig.ts'

/** Nobody borrows another's verdict: the answer of a real clamd about one message, and what a copy gets. */

const skip = clamdMissing
const WORDS = 'words of a signature'
const hexOf = (text: string) => Buffer.from(text).toString('hex')

/** Fields whose value no copy shares, or that no stamp binds. */
const OWN = [
  ...['To', 'Cc', 'Date', 'Message-ID', 'Received', 'Bcc', 'DKIM-Signature', 'Delivered-To'],
  ...['Return-Path', 'Authentication-Results', 'ARC-Seal', 'X-QHPSI', 'X-SHA256-Cluster-7'],
]

/** A host with a clamd that knows EICAR and WORDS. */
async function openHost(t: Test, settings: Readonly<Record<string, string>> = {}) {
  const clamd = await startClamd(t, { database: { 'w.ndb': `Words:0:*:${hexOf(WORDS)}\n` } })
  // This clamd reads its signatures within the step of the clock in which they are written, which onescan
  // takes for signatures that it may not have.
  const now = new Date()
  utimesSync(clamd.socket, now, now)
  const directory = socketDirectory(t)
  const ring = join(directory, 'ring')
  const secret = Buffer.alloc(32, 7).toString('base64url')
  writeFileSync(ring, `hmac-sha256:alpha:${secret}\n`, { mode: 0o600 })
  const open = () =>
    openMilter(t, {
      QHPSI: 'plugin: clamd',
      CLAMD: clamd.socket,
      CLAMDBDIR: `${clamd.directory}/db`,
      CLUSTERKEYS: ring,
      REJECTVIRUS: '1',
      ...settings,
    })
  const milter = await open()
  const sendTo = async (host: typeof milter, message: string) => {
    const { outcome, message: left } = await host.submit({
      message: Buffer.from(message, 'latin1'),
    })
    return { outcome, left: left.toString('latin1'), log: host.mailLog.at(-1)! }
  }
  const send = (message: string) => sendTo(milter, message)
  // A verdict has whole seconds, so none counts in the second of the signatures.
  for (let n = 0; !(await send(letter(`Date: ${n}\n`))).log.includes('scan=cached'); n++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { clamd, open, send, sendTo }
}

const letter = (own: string, body = 'Hello', places: readonly string[] = []) =>
  `${own}From: news@example.com\n${places[0] ?? ''}Subject: news\n${places[1] ?? ''}\n${body}\n`

t.test('a copy with the words of a signature slanders no genuine message', { skip }, async (t) => {
  const { send } = await openHost(t)
  for (const [n, name] of OWN.entries()) {
    for (const place of [0, 1, 2]) {
      const body = `genuine ${n} ${place}`
      const at = (value: string) => {
        const places = ['', '', '']
        places[place] = `${name}: ${value}\n`
        return letter(places[0]!, body, places.slice(1))
      }
      if (name !== 'X-QHPSI') {
        t.equal((await send(at(`"${WORDS}" <a@b>`))).outcome, 'refused', name)
      }
      t.match(await send(at('<c@d>')), { outcome: 'delivered', log: /scan=clean/ }, name)
    }
  }
})

/** Armour of a file, without its first line, and so that nothing but armour can be read in it. */
const armoured = Buffer.from(EICAR)
  .toString('base64')
  .replace(/.{10}/g, '$&!')
  .replace(/.{44}/g, '$&\n')
const ARMOUR = '-----BEGIN PGP MESSAGE-----'

/** Values in which something begins that goes on in the body, or that may define how it is decoded. */
const TELLING = [
  `b@x,\n ${ARMOUR}`,
  `b@x,\n\t${ARMOUR.toLowerCase()}`,
  `"Ann"\n  -----BEGIN CERTIFICATE-----`,
]

t.test('neither a clean copy nor a stamp hides an infected message', { skip }, async (t) => {
  const { send, sendTo, open } = await openHost(t)
  const other = await open()
  for (const [n, name] of OWN.entries()) {
    for (const [m, value] of TELLING.entries()) {
      for (const place of [0, 1, 2]) {
        const body = `\n${armoured}\n=${n}${m}${place}`
        const at = (text: string) => {
          const places = ['', '', '']
          places[place] = `${name}: ${text}\n`
          return letter(places[0]!, body, places.slice(1))
        }
        const infected = at(value)
        const { outcome, left } = await send(at('b@x'))
        t.equal(outcome, 'delivered', 'by itself it is clean')
        if (name === 'X-QHPSI') continue // it is taken out before anything is scanned
        t.match(await send(infected), { outcome: 'refused', log: /scan=infected/ }, infected)
        // The other host, which remembers nothing, looks at the stamp.
        const stamp = /^X-SHA256-Cluster-\d+: .*\n/m.exec(left)?.[0]
        t.ok(stamp, 'the clean one was stamped')
        const carried = `${stamp}${infected}`
        t.match(await sendTo(other, carried), { outcome: 'refused' }, `below: ${carried}`)
        const above = `${name}: ${value}\n${left}`
        t.match(await sendTo(other, above), { outcome: 'refused' }, `above: ${above}`)
      }
    }
  }
})
