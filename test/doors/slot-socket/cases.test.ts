import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import {
  createEnvelopeReader,
  makeEnvelope,
  recipientsOf,
} from '../../../src/message/envelope/envelope.ts'
import { allCases } from '../../cases/all.ts'
import { bytes, type Case } from '../../cases/case.ts'
import { checkKept } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import type { Outcome } from './client.ts'
import { openSlot } from './slot-socket.ts'

/**
 * The behaviours that all doors share, for a client that has the daemon's own settings.
 */

/** Settings of one connection, which are never in a daemon's environment. */
const clients = new Set(['RELAYCLIENT', 'CLUSTERPEER', 'ERROR_FD', 'ERROR_EXIT'])
/** Settings that a client may have although the daemon does not. */
const either = new Set(['REJECTVIRUS', 'VIRUSFORWARD', 'QHPSIMINSIZE', 'QHPSIMAXSIZE'])

for (const testCase of allCases) {
  t.test(testCase.name, (t) => play(t, testCase, (name) => !clients.has(name)))
}

t.test('settings of the client alone give the same results', async (t) => {
  for (const testCase of allCases) {
    if (!Object.keys(testCase.settings(buildStage())).some((name) => either.has(name))) continue
    t.test(testCase.name, (t) =>
      play(t, testCase, (name) => !clients.has(name) && !either.has(name)),
    )
  }
})

async function play(t: Test, testCase: Case, isDaemons: (name: string) => boolean): Promise<void> {
  const { sender = 'a@example.org', recipients = ['b@example.org'], expect } = testCase
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const settings = Object.entries(testCase.settings(stage))
  const own = settings.filter(([name]) => isDaemons(name))
  const opening = openSlot(t, Object.fromEntries(own))
  if (testCase.noDaemon) return void (await t.rejects(opening, { message: testCase.noDaemon }))
  const slot = await opening
  const sent = testCase.message(stage)
  const got = await slot.ask({
    variables: { ERROR_FD: '6', ...Object.fromEntries(settings) },
    takesReply: true,
    envelope: makeEnvelope(bytes(sender), recipients.map(bytes)).wire,
    message: sent,
  })

  t.equal(outcomeOf(got), expect.outcome, got.log)
  t.same(readdirSync(slot.directory), ['s'], 'nothing is left behind')
  t.same(slot.log, [], 'the daemon has no trouble of its own')
  await checkKept(t, testCase, stage, sent)
  t.match(got.log, expect.log ?? /^onescan: decision=\w+ .*\n/, 'it is to be logged')
  if (expect.scans !== undefined) t.equal(stage.scans(), expect.scans, 'scans')
  if (expect.text) t.match(got.text, expect.text)
  if (got.does !== 'hand on') return

  const reader = createEnvelopeReader()
  reader.push(got.envelope)
  const envelope = reader.finish()
  t.equal(envelope.sender.text, sender)
  t.same(
    [...recipientsOf(envelope)].map(({ text }) => text),
    expect.recipients ?? recipients,
  )
  if (expect.delivered) t.ok(got.message.equals(expect.delivered(sent)), 'byte for byte')
  const text = got.message.toString('latin1')
  if (expect.xQhpsi !== undefined) t.same(xQhpsi(text), expect.xQhpsi ? [expect.xQhpsi] : [])
  if (expect.newStamps !== undefined) {
    t.equal(stamps(text) - stamps(sent.toString('latin1')), expect.newStamps, 'new stamps')
  }
}

function outcomeOf({ does, code, text, why }: Outcome): Case['expect']['outcome'] | string {
  if (does === 'hand on') return 'delivered'
  if (does === 'go cold') return `cold: ${why}`
  if (code === 0) return 'dropped'
  if (code === 82) return text.startsWith('D') ? 'refused' : 'deferred'
  return `code ${code}`
}

const header = (text: string) => /^(?:.+\r?\n)*/.exec(text)?.[0] ?? ''

function xQhpsi(text: string): string[] {
  return [...header(text).matchAll(/^X-QHPSI:[ \t]*(.*?)\r?$/gim)].map(([, value]) => value ?? '')
}

function stamps(text: string): number {
  return [...header(text).matchAll(/^X-(?:MD5|SHA256)-Cluster-\d+:/gim)].length
}
