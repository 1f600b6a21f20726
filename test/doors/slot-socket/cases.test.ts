import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import {
  createEnvelopeReader,
  makeEnvelope,
  recipientsOf,
} from '../../../src/message/envelope/envelope.ts'
import { allCases } from '../../cases/all.ts'
import { bounces } from '../../cases/bounces.ts'
import { bytes, type Case } from '../../cases/case.ts'
import { firstOfEachKind } from '../../cases/kinds.ts'
import { type Door, type Passage, play, type Sent } from '../../cases/play.ts'
import { buildStage } from '../../cases/stage.ts'
import type { Outcome } from './client.ts'
import { openSlot } from './slot-socket.ts'

/**
 * The behaviours that all doors share, one of each kind, for a client that carries out answers by
 * the letter of doc/design.md. onescanc plays the same; the slot and the milter play all of them.
 */

/** Settings of one connection, which are never in a daemon's environment. */
const ofClient = new Set(['RELAYCLIENT', 'CLUSTERPEER', 'ERROR_FD', 'ERROR_EXIT'])
/** Settings that a client may have although the daemon does not. */
const ofEither = new Set(['REJECTVIRUS', 'VIRUSFORWARD', 'QHPSIMINSIZE', 'QHPSIMAXSIZE'])

const doorOf = (isDaemons: (name: string) => boolean): Door => ({
  hasDaemon: true,
  send: (t, sent) => sendToSocket(t, sent, isDaemons),
})

t.test('a client that has the settings of the daemon', async (t) => {
  const door = doorOf((name) => !ofClient.has(name))
  for (const testCase of [...firstOfEachKind(allCases), ...bounces]) {
    t.test(testCase.name, (t) => play(t, testCase, door))
  }
})

t.test('settings of the client alone give the same results', async (t) => {
  const door = doorOf((name) => !ofClient.has(name) && !ofEither.has(name))
  for (const testCase of firstOfEachKind(allCases.filter(hasSettingOfEither))) {
    t.test(testCase.name, (t) => play(t, testCase, door))
  }
})

function hasSettingOfEither(testCase: Case): boolean {
  const stage = buildStage()
  const names = Object.keys(testCase.settings(stage))
  stage.remove()
  return names.some((name) => ofEither.has(name))
}

async function sendToSocket(
  t: Test,
  { settings, sender, recipients, message }: Sent,
  isDaemons: (name: string) => boolean,
): Promise<Passage> {
  const own = Object.entries(settings).filter(([name]) => isDaemons(name))
  const slot = await openSlot(t, Object.fromEntries(own))
  const got = await slot.ask({
    variables: { ERROR_FD: '6', ...settings },
    takesReply: true,
    envelope: makeEnvelope(bytes(sender), recipients.map(bytes)).wire,
    message,
  })
  return {
    outcome: outcomeOf(got),
    text: got.text,
    log: got.log,
    left: [...readdirSync(slot.directory).filter((name) => name !== 's'), ...slot.log],
    ...(got.does === 'hand on' && {
      delivery: { ...readEnvelope(got.envelope), message: got.message },
    }),
  }
}

function readEnvelope(wire: Buffer) {
  const reader = createEnvelopeReader()
  reader.push(wire)
  const envelope = reader.finish()
  return {
    sender: envelope.sender.text,
    recipients: [...recipientsOf(envelope)].map(({ text }) => text),
  }
}

function outcomeOf({ does, code, text, why }: Outcome): string {
  if (does === 'hand on') return 'delivered'
  if (does === 'go cold') return `cold: ${why}`
  if (code === 0) return 'dropped'
  if (code === 82) return text.startsWith('D') ? 'refused' : 'deferred'
  return `code ${code}`
}
