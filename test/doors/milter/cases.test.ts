import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { allCases } from '../../cases/all.ts'
import type { Case } from '../../cases/case.ts'
import { checkKept } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import { differences } from './differences.ts'
import { everything, type Offer, oldest } from './mta.ts'
import { openMilter } from './rig.ts'

/** The cases that all doors run, with an MTA of today and with one of the oldest protocol. */

t.test('each difference that is listed for milters is that of a case', async (t) => {
  const names = allCases.map(({ name }) => name)
  for (const name of Object.keys(differences)) t.ok(names.includes(name), name)
  t.ok(Object.keys(differences).length < names.length / 3, 'and most are shown')
})

for (const behaviour of allCases) {
  const difference = differences[behaviour.name]
  if (difference && !difference.log) continue
  t.test(behaviour.name, async (t) => {
    for (const offer of [everything, oldest]) {
      await t.test(`version ${offer.version}`, (t) => play(t, behaviour, offer, difference?.log))
    }
  })
}

async function play(
  t: Test,
  behaviour: Case,
  offer: Offer,
  log = behaviour.expect.log,
): Promise<void> {
  const { sender = 'a@example.org', recipients = ['b@example.org'], expect } = behaviour
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const { RELAYCLIENT, ...settings } = behaviour.settings(stage)
  const opening = openMilter(t, settings)
  if (behaviour.noDaemon) return void (await t.rejects(opening, { message: behaviour.noDaemon }))
  const milter = await opening
  const sent = behaviour.message(stage)
  const authenticated = RELAYCLIENT === undefined ? '' : 'alice'
  const got = await milter.submit({ message: sent, sender, recipients, authenticated }, offer)

  const logged = milter.mailLog.join('')
  t.equal(got.outcome, expect.outcome, logged)
  t.same(readdirSync(milter.directory), ['s'], 'nothing is left behind')
  t.same(milter.log, [], 'the daemon has no trouble of its own')
  await checkKept(t, behaviour, stage, sent)
  t.match(logged, log ?? /^onescan: decision=\w+ .*\n/, 'it is logged')
  t.match(logged, / door=milter queue=4TEST /)
  if (expect.scans !== undefined) t.equal(stage.scans(), expect.scans, 'scans')
  if (expect.text) {
    const [, enhanced, text] = /^\d{3} (\S+) (.*)/.exec(got.reply) ?? []
    t.match(`${text} (#${enhanced})`, expect.text)
  }
  if (got.outcome !== 'delivered') return

  t.same(got.recipients, expect.recipients ?? recipients)
  const text = got.message.toString('latin1')
  if (expect.delivered) {
    t.equal(text.slice(0, 2000), expect.delivered(sent).toString('latin1').slice(0, 2000))
    t.ok(got.message.equals(expect.delivered(sent)), 'byte for byte')
  }
  if (expect.xQhpsi !== undefined) t.same(xQhpsi(text), expect.xQhpsi ? [expect.xQhpsi] : [])
  if (expect.newStamps !== undefined) {
    t.equal(stamps(text) - stamps(sent.toString('latin1')), expect.newStamps, 'new stamps')
  }
}

const header = (text: string) => /^(?:.+\r?\n)*/.exec(text)?.[0] ?? ''

function xQhpsi(text: string): string[] {
  return [...header(text).matchAll(/^X-QHPSI:[ \t]*(.*?)\r?$/gim)].map(([, value]) => value ?? '')
}

function stamps(text: string): number {
  return [...header(text).matchAll(/^X-(?:MD5|SHA256)-Cluster-\d+:/gim)].length
}
