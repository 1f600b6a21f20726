import t, { type Test } from 'tap'
import { bytes } from '../../cases/case.ts'
import { plain } from '../../cases/messages.ts'
import { type BuiltStage, buildStage } from '../../cases/stage.ts'
import { isWhole } from '../../run/is-whole.ts'
import { countingSettings, keyLine, properMail, sample, scanCounter } from '../cluster-mail.ts'
import { bodyOf, headerValues } from '../header-values.ts'
import { mtas, openPassage, type Passage } from '../servers/milter-mtas.ts'
import { startQmailHost } from '../servers/qmail-host.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * Mail on its way through a cluster: a host with qmail, one with a milter behind its MTA, and
 * a host with qmail again. A scanner that counts its runs shows who scanned.
 */

const keys = { 'hmac-sha256': keyLine('alpha'), md5: 'md5:old:a-secret-of-many-letters\n' }
const messages = properMail.map(([name, text]) => [name, bytes(text)] as const)

/**
 * Changes that an MTA makes on the way, so that a host scans once more, and the scans of two such
 * messages: one that comes to the MTA from a host of the cluster, and one that it sees first.
 */
const changed = [
  { what: 'a line of over 998 bytes', message: bytes(sample('long-header.eml')), scans: 4 },
  // Postfix adds it before it asks, which breaks the stamp of the host before it; Sendmail
  // afterwards, which breaks the one that it has just been given.
  { what: 'no Date', message: plain, scans: 3 },
]

for (const { name, missing, start } of mtas) {
  t.test(`a cluster with ${name}`, { skip: missing }, async (t) => {
    const passage = await openPassage(t, start)
    const schemes = Object.entries(keys)
    for (const [scheme, key] of isWhole ? schemes : schemes.slice(0, 1)) {
      t.test(`${scheme}: mail that a qmail host has scanned is not scanned again`, async (t) => {
        const cluster = await openCluster(t, passage, key)
        for (const [what, message] of messages) {
          const first = await cluster.slot(message)
          t.equal(cluster.scansSince(), 1, `${what}: scanned by the first host`)
          const second = await cluster.mta(first)
          t.equal(cluster.scansSince(), 0, `${what}: trusted by ${name}`)
          t.same(headerValues(second, 'X-QHPSI'), ['clean'])
          await cluster.slot(second)
          t.equal(cluster.scansSince(), 0, `${what}: trusted by the last host`)
          t.ok(bodyOf(second).equals(bodyOf(message)), `${what}: untouched`)
        }
      })

      t.test(
        `${scheme}: mail that ${name} has scanned is not scanned again by a qmail host`,
        async (t) => {
          const cluster = await openCluster(t, passage, key)
          for (const [what, message] of messages) {
            const first = await cluster.mta(message)
            t.equal(cluster.scansSince(), 1, `${what}: scanned by ${name}`)
            const second = await cluster.slot(first)
            t.equal(cluster.scansSince(), 0, `${what}: trusted by the host behind`)
            t.same(headerValues(second, 'X-QHPSI'), ['clean'])
          }
        },
      )
    }

    t.test('mail that the MTA changes is scanned once more, and arrives', async (t) => {
      const cluster = await openCluster(t, passage, keys['hmac-sha256'])
      for (const { what, message, scans } of changed) {
        const before = await cluster.slot(message)
        const onward = await cluster.slot(await cluster.mta(before))
        const direct = await cluster.slot(await cluster.mta(message))
        t.equal(cluster.scansSince(), scans, what)
        t.same(headerValues(onward, 'X-QHPSI'), ['clean'])
        t.same(headerValues(direct, 'X-QHPSI'), ['clean'])
      }
    })

    t.test('hosts with different keys scan again', async (t) => {
      const stage = buildStage(t)
      const ours = await openCluster(t, passage, keys['hmac-sha256'], stage)
      const theirs = await startQmailHost(t, countingSettings(stage, keyLine('other')))
      await theirs.pass(await ours.mta(plain))
      t.equal(ours.scansSince(), 2)
    })
  })
}

/** Starts both kinds of host, with one keyring and one scanner. */
async function openCluster(
  t: Test,
  passage: Passage,
  key: string,
  stage: BuiltStage = buildStage(t),
) {
  const settings = countingSettings(stage, key)
  await passage.serve(t, settings)
  return {
    slot: (await startQmailHost(t, settings)).pass,
    /** A message as it comes out of the MTA, to which the host before sends it. */
    async mta(message: Buffer): Promise<Buffer> {
      await sendMail(passage.port, { from: 'ann@example.net', to: ['ben@example.org'], message })
      return (await passage.receiver.next()).message
    },
    scansSince: scanCounter(stage),
  }
}
