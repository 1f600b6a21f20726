import type { Test } from 'tap'
import { makeEnvelope } from '../../../src/message/envelope/envelope.ts'
import { bytes, type Case } from '../../cases/case.ts'
import { checkKept } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import { runSlot, type SlotRun, type SlotSetup } from './slot.ts'

/** The program in the slot, and what it needs beside the case's settings. */
export type Door = (settings: Readonly<Record<string, string>>) => SlotSetup | Promise<SlotSetup>

/**
 * Sends the case's message through a slot program; what comes out is what the case expects. A
 * run that says nothing of the case, by `isVoid`, is made again, ten times at most.
 */
export async function play(
  t: Test,
  testCase: Case,
  door: Door,
  isVoid: (run: SlotRun) => boolean = () => false,
): Promise<SlotRun> {
  const { sender = 'a@example.org', recipients = ['b@example.org'], expect } = testCase
  let { stage, sent, run } = await send(t, testCase, door)
  for (let tries = 1; tries < 10 && isVoid(run); tries++) {
    ;({ stage, sent, run } = await send(t, testCase, door))
  }

  t.equal(outcomeOf(run), expect.outcome, run.logged)
  t.same(run.left, [], 'nothing is left behind')
  await checkKept(t, testCase, stage, sent)
  t.match(run.logged, expect.log ?? /^onescan: decision=\w+ .*\n/, 'it is logged')
  if (expect.scans !== undefined) t.equal(stage.scans(), expect.scans, 'scans')
  if (expect.text) t.match(run.errorText.toString('latin1'), expect.text)
  const [delivery] = run.deliveries
  if (!delivery) return run

  t.equal(delivery.sender, sender)
  t.same(delivery.recipients, expect.recipients ?? recipients)
  if (expect.delivered) {
    const wanted = expect.delivered(sent)
    t.ok(delivery.message.equals(wanted), 'byte for byte', {
      found: head(delivery.message),
      wanted: head(wanted),
    })
  }
  if (expect.xQhpsi !== undefined) t.same(xQhpsi(run.text), expect.xQhpsi ? [expect.xQhpsi] : [])
  if (expect.newStamps !== undefined) {
    t.equal(stamps(run.text) - stamps(sent.toString('latin1')), expect.newStamps, 'new stamps')
  }
  return run
}

async function send(t: Test, testCase: Case, door: Door) {
  const { sender = 'a@example.org', recipients = ['b@example.org'] } = testCase
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const sent = testCase.message(stage)
  const settings = testCase.settings(stage)
  const setup = await door(settings)
  const run = await runSlot({
    ...setup,
    message: sent,
    envelope: makeEnvelope(bytes(sender), recipients.map(bytes)).wire,
    errorFd: 6,
    settings: { ERROR_FD: '6', ...settings, ...setup.settings },
  })
  return { stage, sent, run }
}

function outcomeOf({ code, deliveries, errorText }: SlotRun): Case['expect']['outcome'] | string {
  if (code === 0) return deliveries.length === 1 ? 'delivered' : 'dropped'
  if (deliveries.length > 0) return `code ${code}, and yet delivered`
  if (code === 82) return errorText[0] === 0x44 ? 'refused' : 'deferred'
  return `code ${code}`
}

const header = (text: string) => /^(?:.+\r?\n)*/.exec(text)?.[0] ?? ''

function xQhpsi(text: string): string[] {
  return [...header(text).matchAll(/^X-QHPSI:[ \t]*(.*?)\r?$/gim)].map(([, value]) => value ?? '')
}

function stamps(text: string): number {
  return [...header(text).matchAll(/^X-(?:MD5|SHA256)-Cluster-\d+:/gim)].length
}

const head = (message: Buffer) => message.toString('latin1').slice(0, 400)
