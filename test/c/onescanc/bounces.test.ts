import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { injecting, strange } from '../../cases/bounces.ts'
import { bytes } from '../../cases/case.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { infected, plain, troublesome } from '../../cases/messages.ts'
import { inMultiparts } from '../../cases/nesting.ts'
import { isOfDaemon, type Passage, type Sent } from '../../cases/play.ts'
import { encryptedMail } from '../../cases/second-look.ts'
import { type BuiltStage, buildStage } from '../../cases/stage.ts'
import { text } from '../../mail/mime/nested-mail.ts'
import { createRandom } from '../../run/random.ts'
import { sendToSlot } from '../../scanner/doors/slot/send.ts'
import { openSlot } from '../../scanner/doors/slot/socket/rig.ts'
import { sendToSocket } from '../../scanner/doors/slot/socket/send.ts'
import { beside, missing, standalonePrograms } from './client.ts'

/**
 * Bounces that qmail-send injects, under settings that meet by chance: the standalone slot, the slot socket
 * and onescanc judge them alike, and never refuse one.
 */

const messages: Readonly<Record<string, Buffer>> = {
  plain,
  infected,
  troublesome,
  strange,
  encrypted: encryptedMail,
  nested: inMultiparts(20, text),
  unclear: bytes('Subject: x\nX-QHPSI: clean\nno colon\nMore: x\n\nVIRUS\n'),
}

const choices: Readonly<Record<string, readonly string[]>> = {
  REJECTVIRUS: ['0', '1', '2'],
  SCANFAIL: ['accept', 'defer', 'quarantine'],
  STRICTMIME: ['off', 'refuse', 'defer', 'quarantine'],
  UNREAD: ['accept', 'refuse', 'defer', 'quarantine'],
  FINDINGS: [
    '',
    ...['refuse', 'defer', 'quarantine'].map((action) => `encrypted=${action} Test*=${action}`),
  ],
  VIRUSFORWARD: ['', '', 'virus@example.org'],
  QHPSIMAXSIZE: ['', '', '1000'],
  QHPSIMINSIZE: ['', '', '100'],
}

const lines = [
  'to=b@example.org refuse\n',
  'to=c@example.org refuse "gone"\nto=b@example.org scan off\n',
  'to=b@example.org REJECTVIRUS=2\n',
  'to=example.org SCANFAIL=defer STRICTMIME=refuse\nfrom=<> refuse\n',
  'from=<> refuse\n',
  'to=c@example.net VIRUSFORWARD=other@example.org\n',
  'signature=Test* allow\n',
]

const envelopes = [
  ['b@example.org'],
  ['b@example.org', 'c@example.org'],
  ['b@example.org', 'c@example.net', 'postmaster'],
]

const ROUNDS = 16

/** What became of a bounce, without what differs each time. */
async function fateOf({ outcome, text, delivery }: Passage, stage: BuiltStage) {
  const kept = await readQuarantine(stage.quarantine)
  return {
    outcome,
    text,
    ...(delivery && {
      to: delivery.recipients,
      message: delivery.message.toString('latin1', 0, 500),
      size: delivery.message.length,
    }),
    kept: kept.map(({ record }) => [record.grounds, record.recipients]),
  }
}

t.test(
  'bounces are judged alike by onescand and standalone, and never refused',
  { skip: missing },
  async (t) => {
    const standalone = standalonePrograms(t).queue
    const onescanc = beside(standalone)
    const { pick, once, below } = createRandom(34)
    const waysOf: Readonly<Record<string, (t: Test, sent: Sent) => Promise<Passage>>> = {
      slot: (_, sent) => sendToSlot(sent, { program: [standalone] }),
      'slot socket': (t, sent) => sendToSocket(t, sent, isOfDaemon),
      async onescanc(t, sent) {
        const own = Object.entries(sent.settings).filter(([name]) => isOfDaemon(name))
        const slot = await openSlot(t, Object.fromEntries(own))
        const settings = { ONESCAN_SOCKET: slot.socket }
        const passage = await sendToSlot(sent, { program: [onescanc], settings })
        t.same(readdirSync(slot.directory), ['s'])
        return passage
      },
    }
    const fates = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const [name, message] = pick(Object.entries(messages))
      const rules = once(2) ? pick(lines) : undefined
      const chosen = Object.entries(choices).map(([name, values]) => [name, pick(values)] as const)
      const isKept = once(2)
      const sender = once(4) ? '#@[]' : ''
      const recipients = envelopes[below(envelopes.length)]!
      const set = Object.fromEntries(
        chosen.filter(([, value]) => value !== '' && (isKept || !value.includes('quarantine'))),
      )
      const about = JSON.stringify({ name, rules, set, isKept, sender, recipients })
      const got: Record<string, Awaited<ReturnType<typeof fateOf>>> = {}
      for (const [way, send] of Object.entries(waysOf)) {
        const stage = buildStage()
        const keeping = isKept ? { QUARANTINE: stage.quarantine } : {}
        const settings = injecting({ ...set, ...keeping }, rules)(stage)
        const passage = await send(t, { message, sender, recipients, settings })
        got[way] = await fateOf(passage, stage)
        stage.remove()
      }
      const [first, ...others] = Object.values(got)
      for (const other of others) t.same(other, first, `${about} ${JSON.stringify(got)}`)
      t.notMatch(first!.outcome, /refused|code|standalone/, about)
      fates.add(first!.outcome)
    }
    t.ok(fates.size > 1, `${[...fates]}`)
  },
)
