import type { Test } from 'tap'
import { allCases } from './all.ts'
import type { Case, Expectation } from './case.ts'
import { checkKept } from './kept.ts'
import { buildStage } from './stage.ts'

/** Mail as it is handed to a door, and the settings that the case asks for. */
export interface Sent {
  readonly message: Buffer
  readonly sender: string
  readonly recipients: readonly string[]
  readonly settings: Readonly<Record<string, string>>
}

/** Settings of a connection: a client has them, and never the environment of a daemon. */
const OF_CONNECTION = new Set(['RELAYCLIENT', 'CLUSTERPEER', 'ERROR_FD'])

/** Whether a daemon may have a setting in its environment. */
export const isOfDaemon = (name: string): boolean => !OF_CONNECTION.has(name)

/** What became of mail behind a door. */
export interface Passage {
  readonly outcome: Expectation['outcome'] | string
  /** The text of a refusal, `text (#5.7.1)`; '' if there is none. */
  readonly text: string
  /** The lines about the message. */
  readonly log: string
  /** Files that the door left behind, and lines about trouble of its own. */
  readonly left: readonly string[]
  readonly delivery?: {
    readonly sender: string
    readonly recipients: readonly string[]
    readonly message: Buffer
  }
}

/** One way into the judgement: it sends mail in, and follows it until it comes out. */
export interface Door {
  send(t: Test, sent: Sent): Promise<Passage>
  /** Whether a daemon judges, which does not start with the settings of some cases. */
  readonly hasDaemon: boolean
  /** Matches the log line of every case. */
  readonly log?: RegExp
  /** Whether a passage shows nothing about the case: it is sent again then, ten times at most. */
  readonly isVoid?: (passage: Passage) => boolean
}

/** Sends what a case has sent through a door; what comes out is what the case expects. */
export async function play(t: Test, testCase: Case, door: Door): Promise<void> {
  const { expect } = testCase
  if (door.hasDaemon && testCase.noDaemon) {
    await t.rejects(send(t, testCase, door), { message: testCase.noDaemon })
    return
  }
  let { stage, passages } = await send(t, testCase, door)
  for (let tries = 1; tries < 10 && passages.some(([, got]) => door.isVoid?.(got)); tries++) {
    ;({ stage, passages } = await send(t, testCase, door))
  }

  for (const [sent, passage] of passages) {
    t.equal(passage.outcome, expect.outcome, `${passage.text} ${passage.log}`)
    t.same(passage.left, [], 'nothing is left behind, and the door had no trouble')
    t.match(passage.log, expect.log ?? /^onescan: decision=\w+ .*\n/, 'it is logged')
    if (door.log) t.match(passage.log, door.log)
    if (expect.text) t.match(passage.text, expect.text)
    if (passage.delivery) checkDelivery(t, expect, sent, passage.delivery)
  }
  await checkKept(t, expect, stage.quarantine, passages)
  if (expect.scans !== undefined) t.equal(stage.scans(), expect.scans, 'scans')
}

async function send(t: Test, { earlier = [], settings, ...last }: Case, door: Door) {
  const stage = buildStage(t)
  const set = settings(stage)
  const passages: (readonly [sent: Sent, passage: Passage])[] = []
  for (const mail of [...earlier, last]) {
    const { message, sender = 'a@example.org', recipients = ['b@example.org'] } = mail
    const sent = { message: message(stage), sender, recipients, settings: set }
    passages.push([sent, await door.send(t, sent)])
  }
  return { stage, passages }
}

function checkDelivery(
  t: Test,
  expect: Expectation,
  sent: Sent,
  { sender, recipients, message }: NonNullable<Passage['delivery']>,
): void {
  t.equal(sender, sent.sender)
  t.same(recipients, expect.recipients ?? sent.recipients)
  const text = message.toString('latin1')
  if (expect.delivered) {
    const wanted = expect.delivered(sent.message)
    t.ok(message.equals(wanted), 'byte for byte', {
      found: text.slice(0, 400),
      wanted: wanted.toString('latin1', 0, 400),
    })
  }
  if (expect.xQhpsi !== undefined) t.same(xQhpsi(text), expect.xQhpsi ? [expect.xQhpsi] : [])
  if (expect.newStamps !== undefined) {
    const before = stamps(sent.message.toString('latin1'))
    t.equal(stamps(text) - before, expect.newStamps, 'new stamps')
  }
}

const header = (text: string) => /^(?:.+\r?\n)*/.exec(text)?.[0] ?? ''

function xQhpsi(text: string): string[] {
  return [...header(text).matchAll(/^X-QHPSI:[ \t]*(.*?)\r?$/gim)].map(([, value]) => value ?? '')
}

function stamps(text: string): number {
  return [...header(text).matchAll(/^X-(?:MD5|SHA256)-Cluster-\d+:/gim)].length
}

/** The text of a reply by SMTP as the slot gives it: `text (#5.7.1)`. */
export function textOfReply(reply: string): string {
  const [, enhanced, text] = /^\d{3} (\S+) (.*)/.exec(reply) ?? []
  return text === undefined ? reply : `${text} (#${enhanced})`
}

/**
 * The cases that a door shows. `unshown` names those that it cannot show, with the reason; a name
 * that no case has fails.
 */
export function casesBut(t: Test, unshown: Readonly<Record<string, string>>): readonly Case[] {
  const names = allCases.map(({ name }) => name)
  for (const name of Object.keys(unshown)) t.ok(names.includes(name), name)
  return allCases.filter(({ name }) => unshown[name] === undefined)
}
