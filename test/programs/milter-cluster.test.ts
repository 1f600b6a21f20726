import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { plain } from '../cases/messages.ts'
import { type BuiltStage, buildStage } from '../cases/stage.ts'
import { quickest, runSlot } from '../doors/slot/slot.ts'
import { isWhole } from '../run/is-whole.ts'
import { bodyOf, headerValues } from './header-values.ts'
import { mtas, openPassage, type Passage } from './milter-mtas.ts'
import { sendMail } from './smtp-session.ts'

/**
 * Mail on its way through a cluster: a host with qmail, one with a milter behind its MTA, and
 * a host with qmail again. A scanner that counts its runs says who scanned.
 */

const keys = {
  'hmac-sha256': `hmac-sha256:alpha:${Buffer.alloc(32, 7).toString('base64url')}\n`,
  md5: 'md5:old:a-secret-of-many-letters\n',
}

const samples = join(import.meta.dirname, '../messages')
const sample = (name: string) => readFileSync(join(samples, name))

/**
 * Samples that are proper mail: with a Date, and without lines over the 998 bytes of RFC 5322
 * 2.1.1.
 */
const messages = readdirSync(samples)
  .filter((name) => name.endsWith('.eml') && name !== 'long-header.eml')
  .map((name) => [name, lineFeeds(sample(name))] as const)

/**
 * Changes that an MTA makes on the way, so that a host scans once more, and the scans of two such
 * messages: one that comes to the MTA from a host of the cluster, and one that it sees first.
 */
const changed = [
  { what: 'a line of over 998 bytes', message: sample('long-header.eml'), scans: 4 },
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
      const other = `hmac-sha256:beta:${Buffer.alloc(32, 9).toString('base64url')}\n`
      const ours = await openCluster(t, passage, keys['hmac-sha256'], stage)
      const first = await ours.mta(plain)
      const theirs = slotOf(stage, stage.file('other', other))
      await theirs(first)
      t.equal(stage.scans(), 2)
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
  const CLUSTERKEYS = stage.file('ring', key)
  await passage.serve(t, {
    QHPSI: stage.scanner,
    CLUSTERKEYS,
    CLAMDBDIR: '/nonexistent',
    VERDICTS: 'off', // scans are counted, each of the whole message
    SECONDLOOK: 'never',
  })
  let seen = stage.scans()
  return {
    slot: slotOf(stage, CLUSTERKEYS),
    /** A message as it comes out of the MTA, to which the host before sends it. */
    async mta(message: Buffer): Promise<Buffer> {
      await sendMail(passage.port, { from: 'ann@example.net', to: ['ben@example.org'], message })
      return (await passage.receiver.next()).message
    },
    scansSince(): number {
      const before = seen
      seen = stage.scans()
      return seen - before
    },
  }
}

/**
 * Returns a message as it leaves a host with qmail: through the slot, with the field that
 * qmail-queue puts on top.
 */
function slotOf(stage: BuiltStage, CLUSTERKEYS: string): (message: Buffer) => Promise<Buffer> {
  const settings = {
    QHPSI: stage.scanner,
    CLUSTERKEYS,
    CLAMDBDIR: '/nonexistent',
    SECONDLOOK: 'never',
  }
  return async (message) => {
    const { deliveries, logged } = await runSlot({ program: quickest, message, settings })
    const [delivery] = deliveries
    if (delivery === undefined) throw new Error(`not delivered: ${logged}`)
    return Buffer.concat([delivery.received, delivery.message])
  }
}

/** Queues hold lines ended by LF; one of the samples came with CRLF. */
function lineFeeds(message: Buffer): Buffer {
  return Buffer.from(message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}
