import t from 'tap'
import { readSpoolSettings } from '../../../../../src/mail/message/spool.ts'
import { ClamdWatch } from '../../../../../src/scanner/readiness/clamd/clamd-watch.ts'
import { mailWith } from '../../../../../src/scanner/readiness/clamd/form-probes.ts'
import { readClamdAddress } from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { ExtractedForms } from '../../../../../src/scanner/scan/scanners/clamd/extracted-forms.ts'
import { scanBytes } from '../../../../../src/scanner/scan/scanners/run/manual-scan.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { judgeMessage } from '../evasions/judge-message.ts'
import { clamdSettings } from './task.ts'

/** Learns what these servers extract, as onescand does when it starts. */
async function learnOnce(servers: string): Promise<ExtractedForms> {
  const extracted = new ExtractedForms()
  const watch = new ClamdWatch(
    () => clamdSettings(servers),
    () => {},
    { onExtraction: (event) => extracted.record(event) },
  )
  await watch.asked
  watch.close()
  return extracted
}

const secret = 'a file that both servers know'
const mailWithSecret = mailWith(
  Buffer.from(secret),
  { content: 'file base64', multiparts: 'mixed/alternative/related' },
  Buffer.from('From: a\n'),
)
const known = `Secret:0:*:${Buffer.from(secret).toString('hex')}\n`

t.test('what is proven for one clamd holds for it alone', { skip: clamdMissing }, async (t) => {
  const good = await startClamd(t, { alertExceedsMax: true, database: { 'y.ndb': known } })
  const others = {
    'opens no mail': { alertExceedsMax: true, scanMail: false, database: { 'y.ndb': known } },
    'does not know the test virus': { alertExceedsMax: true, database: { 'x.ndb': known } },
    'reports no limits': { database: { 'y.ndb': known } },
  } as const
  for (const [what, options] of Object.entries(others)) {
    const other = await startClamd(t, options)
    const servers = `${other.socket} ${good.socket}` // the first one gets the mail
    const extracted = await learnOnce(servers)
    const of = (...sockets: string[]) =>
      extracted.holdsFor(
        sockets.map((path) => ({ address: readClamdAddress(path), version: undefined })),
      )
    t.equal(of(good.socket), true)
    const both = of(other.socket, good.socket)
    t.equal(both, false, `the other one ${what}`)
    t.match(await judgeMessage(servers, mailWithSecret, extracted), { isFound: true }, what)
    t.equal(extracted.omitted, 0)
    await other.stop()
  }
  const same = await startClamd(t, { alertExceedsMax: true, database: { 'y.ndb': known } })
  const extracted = await learnOnce(`${same.socket} ${good.socket}`)
  const judged = await judgeMessage(`${same.socket} ${good.socket}`, mailWithSecret, extracted)
  t.match(judged, { isFound: true })
  t.ok(extracted.omitted > 0, 'what is proven for both is left to them')
})

t.test('a clamd restarted over TCP is asked about each part', { skip: clamdMissing }, async (t) => {
  const database = { 'y.ndb': known }
  for (const alertExceedsMax of [true, false]) {
    const first = await startClamd(t, { alertExceedsMax: true, database, tcp: true })
    const extracted = await learnOnce(first.tcp)
    const address = readClamdAddress(first.tcp)
    const settings = clamdSettings(first.tcp)
    const scanner = new ClamdScanner(settings, { lasting: true, extracted })
    t.teardown(() => scanner.close())
    async function* bytes() {
      yield mailWithSecret
    }
    const scan = () =>
      scanBytes(bytes(), { spool: readSpoolSettings({}), scanners: [scanner], settings })
    t.match(await scan(), { result: { answer: 'infected' } })
    t.ok(extracted.omitted > 0, 'the first one was shown to extract the part')
    const port = Number(first.tcp.split(':')[1])
    await first.stop()
    const second = await startClamd(t, { alertExceedsMax, database, tcp: port, maxRecursion: 1 })
    const { answer } = await clamdAnswer(second.tcp, mailWithSecret)
    t.equal(answer, alertExceedsMax ? 'unread' : 'clean', 'the whole hides it now')
    t.match(await scan(), { result: { answer: 'infected' } })
    t.equal(extracted.holdsFor([{ address, version: undefined }]), false)
    await second.stop()
  }
})
