import { connect, type NetConnectOpts } from 'node:net'
import { errorCode, errorText } from '../../../ground/errors/fault.ts'
import { makeEnvelope } from '../../../message/envelope/envelope.ts'
import { askMilter } from '../../milter/wire/ask.ts'
import { writeAttributes } from '../../policy/attributes.ts'
import { mayConnect } from '../../smtp/door.ts'
import { sendTrial } from '../../smtp/trial.ts'
import { askSlot } from '../../warm/ask.ts'
import { type DoorAddress, readDoorAddress } from '../options/door-address.ts'
import type { PlacedDoor } from '../options/door-kind.ts'
import type { TrialMessages } from './trial-mail.ts'

export interface DoorTrialOptions {
  readonly mail: TrialMessages
  readonly sender: string
  /** QHPSI as the daemon has it. */
  readonly qhpsi: string
  /** Milliseconds for each message. */
  readonly timeout: number
}

/** How the trial of a door ended. */
export interface DoorTrialResult {
  readonly kind: PlacedDoor['kind']
  readonly place: string
  /** Whether mail went through it, so that scanners need no trial of their own. */
  readonly hasScanned: boolean
  /** Undefined if all was right. */
  readonly fault: string | undefined
}

/** What became of a message behind a door, in one word. */
type TrialOutcome = 'clean' | 'infected' | string

/**
 * Sends both messages through the door on connections of their own, as clients send mail. For a
 * door that scans nothing, or takes none of our mail, it only finds out whether it answers. Never
 * rejects.
 */
export async function tryDoor(
  door: PlacedDoor,
  { mail, ...how }: DoorTrialOptions,
): Promise<DoorTrialResult> {
  const { kind, place } = door
  const told = (hasScanned: boolean, fault: string | undefined) => {
    return { kind, place, hasScanned, fault: fault && `${kind} ${place}: ${fault}` }
  }
  const at = listeningPlaceOf(place)
  // The socket was handed over, and the runtime does not know its place; whoever handed it over
  // does.
  if (at === undefined) return told(false, undefined)
  try {
    const expected = kind === 'policy' ? 'action=' : isShutOut(door, at) ? '554' : undefined
    if (expected !== undefined) {
      const said = await greet(at, kind === 'policy' ? POLICY_QUESTION : undefined, how.timeout)
      const isRight = said.startsWith(expected)
      return told(false, isRight ? undefined : `answered ${said.split('\n')[0]!.trim()}`)
    }
    const through = {
      slot: throughSlot,
      milter: throughMilter,
      smtp: throughSmtp,
      lmtp: throughSmtp,
    }
    const send = (message: Buffer) => through[kind as keyof typeof through](at, message, how)
    const [clean, eicar] = await Promise.all([send(mail.clean), send(mail.eicar)])
    const faults = [
      clean === 'clean' ? undefined : `a clean message came out as ${clean}`,
      eicar === 'infected' ? undefined : `EICAR came out as ${eicar}`,
    ]
    return told(true, faults.filter(Boolean).join('; ') || undefined)
  } catch (error) {
    // Its group may be the MTA's alone: if we may not connect, that says nothing about others.
    return told(false, errorCode(error) === 'EACCES' ? undefined : errorText(error))
  }
}

type How = Omit<DoorTrialOptions, 'mail'>

/** Codes of the slot that refuse for good: design of onescan-queue(8), EXIT STATUS. */
const REFUSED = [31, 33, 34]

async function throughSlot(
  at: DoorAddress,
  message: Buffer,
  { sender, qhpsi, timeout }: How,
): Promise<TrialOutcome> {
  if (at.kind !== 'unix') throw new Error('is no socket with a path')
  const question = {
    variables: { QHPSI: qhpsi, REJECTVIRUS: '1' },
    timeLeft: timeout,
    envelope: makeEnvelope(Buffer.from(sender), [Buffer.from(RECIPIENT)]).wire,
    message,
  }
  const answer = await askSlot(at.path, question, timeout)
  if (answer.does === 'go cold') return `nothing: ${answer.why}`
  if (answer.does === 'accept') return outcomeOf(answer.tag)
  return REFUSED.includes(answer.code) ? 'infected' : `deferred (exit ${answer.code})`
}

async function throughMilter(
  at: DoorAddress,
  message: Buffer,
  { sender, timeout }: How,
): Promise<TrialOutcome> {
  const { kind, text, added } = await askMilter(targetOf(at), message, timeout, { sender, port: 0 })
  if (kind === 'refused' || kind === 'discarded') return 'infected'
  if (kind === 'deferred') return `deferred: ${text}`
  return outcomeOf(added.map((field) => /^X-QHPSI: (.*)/.exec(field)?.[1]).find(Boolean))
}

async function throughSmtp(
  at: DoorAddress,
  message: Buffer,
  { sender, timeout }: How,
): Promise<TrialOutcome> {
  const place = { text: 'it', options: targetOf(at) }
  const { code, text } = await sendTrial({ place, sender, recipient: RECIPIENT, message, timeout })
  if (code >= 500) return 'infected'
  if (code >= 400) return `deferred: ${text}`
  return outcomeOf(text === 'unscanned' ? undefined : text)
}

/** Whether the door takes no mail of this host. */
function isShutOut({ relay }: PlacedDoor, at: DoorAddress): boolean {
  const target = targetOf(at)
  return relay !== undefined && 'host' in target && !mayConnect(target.host, relay.from)
}

function outcomeOf(tag: string | undefined): TrialOutcome {
  if (tag === 'clean') return 'clean'
  return tag === undefined ? 'unscanned' : 'infected'
}

const RECIPIENT = 'postmaster@localhost'
/** A question about no recipient, so that no service is asked. */
const POLICY_QUESTION = writeAttributes({
  request: 'smtpd_access_policy',
  protocol_state: 'CONNECT',
})

/** What the door says first: at once, or in answer to the question. */
function greet(at: DoorAddress, question: Buffer | undefined, within: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(targetOf(at))
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), within)
    socket.on('error', reject)
    socket.on('data', (said: Buffer) => {
      resolve(said.toString('latin1'))
      socket.destroy()
    })
    socket.on('end', () => socket.destroy(new Error('closes the connection')))
    socket.on('close', () => clearTimeout(timer))
    if (question !== undefined) socket.write(question)
  })
}

/** For a door that listens at every address: this host's own address. */
function targetOf(
  at: DoorAddress,
): NetConnectOpts & ({ path: string } | { host: string; port: number }) {
  if (at.kind === 'unix') return { path: at.path }
  const host = at.host === '0.0.0.0' ? '127.0.0.1' : at.host === '::' ? '::1' : at.host
  return { host, port: at.port }
}

function listeningPlaceOf(place: string): DoorAddress | undefined {
  try {
    return readDoorAddress(place, '')
  } catch {
    return undefined
  }
}
