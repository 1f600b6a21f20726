import { connect, type NetConnectOpts } from 'node:net'
import { errorCode, errorText } from '../../../ground/errors/fault.ts'
import { makeEnvelope } from '../../../message/envelope/envelope.ts'
import { askMilter } from '../../milter/wire/ask.ts'
import { writeAttributes } from '../../policy/attributes.ts'
import { askSlot } from '../../slot-socket/ask.ts'
import { mayConnect } from '../../smtp/door.ts'
import { sendTrial } from '../../smtp/trial.ts'
import { type DoorAddress, readDoorAddress } from '../options/door-address.ts'
import type { PlacedDoor } from '../options/door-kind.ts'
import type { TrialMessages } from './trial-mail.ts'

export interface DoorTrialOptions {
  readonly mail: TrialMessages
  readonly sender: string
  /** The daemon's own QHPSI. */
  readonly qhpsi: string
  /** Milliseconds for each message. */
  readonly timeout: number
}

/** The result of the trial of one door. */
export interface DoorTrialResult {
  readonly kind: PlacedDoor['kind']
  readonly address: string
  /** Whether mail went through it, so that scanners need no trial of their own. */
  readonly hasScanned: boolean
  /** What is wrong, in words; undefined if nothing is. */
  readonly fault: string | undefined
}

/** What a door made of a message: `clean`, `infected`, or anything else in words. */
type TrialOutcome = string

/**
 * Sends both messages through the door, each on a connection of its own, as clients send mail. If
 * the door scans nothing, or takes no mail from this host, the trial only sees whether it answers.
 * Never rejects.
 */
export async function tryDoor(
  door: PlacedDoor,
  { mail, ...options }: DoorTrialOptions,
): Promise<DoorTrialResult> {
  const { kind, address } = door
  const result = (hasScanned: boolean, fault: string | undefined) => {
    return { kind, address, hasScanned, fault: fault && `${kind} ${address}: ${fault}` }
  }
  const at = readAddress(address)
  // The runtime does not know the address of a socket that was handed over.
  if (at === undefined) return result(false, undefined)
  try {
    const expected = kind === 'policy' ? 'action=' : isShutOut(door, at) ? '554' : undefined
    if (expected !== undefined) {
      const answer = await greet(
        at,
        kind === 'policy' ? POLICY_QUESTION : undefined,
        options.timeout,
      )
      const isRight = answer.startsWith(expected)
      return result(false, isRight ? undefined : `answered ${answer.split('\n')[0]!.trim()}`)
    }
    const senders = {
      slot: throughSlot,
      milter: throughMilter,
      smtp: throughSmtp,
      lmtp: throughSmtp,
    }
    const send = (message: Buffer) => senders[kind as keyof typeof senders](at, message, options)
    const [clean, eicar] = await Promise.all([send(mail.clean), send(mail.eicar)])
    const faults = [
      clean === 'clean' ? undefined : `a clean message came out as ${clean}`,
      eicar === 'infected' ? undefined : `EICAR came out as ${eicar}`,
    ]
    return result(true, faults.filter(Boolean).join('; ') || undefined)
  } catch (error) {
    // The socket may be for the MTA's group alone: others can connect although we cannot.
    return result(false, errorCode(error) === 'EACCES' ? undefined : errorText(error))
  }
}

type MailOptions = Omit<DoorTrialOptions, 'mail'>

/** Exit codes of the slot that refuse mail permanently: onescan-queue(8), EXIT STATUS. */
const REFUSED = [31, 33, 34]

async function throughSlot(
  at: DoorAddress,
  message: Buffer,
  { sender, qhpsi, timeout }: MailOptions,
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
  { sender, timeout }: MailOptions,
): Promise<TrialOutcome> {
  const { kind, text, added } = await askMilter(targetOf(at), message, timeout, { sender, port: 0 })
  if (kind === 'refused' || kind === 'discarded') return 'infected'
  if (kind === 'deferred') return `deferred: ${text}`
  return outcomeOf(added.map((field) => /^X-QHPSI: (.*)/.exec(field)?.[1]).find(Boolean))
}

async function throughSmtp(
  at: DoorAddress,
  message: Buffer,
  { sender, timeout }: MailOptions,
): Promise<TrialOutcome> {
  const server = { text: 'it', options: targetOf(at) }
  const { code, text } = await sendTrial({ server, sender, recipient: RECIPIENT, message, timeout })
  if (code >= 500) return 'infected'
  if (code >= 400) return `deferred: ${text}`
  return outcomeOf(text === 'unscanned' ? undefined : text)
}

/** Whether the door takes no mail from this host. */
function isShutOut({ relay }: PlacedDoor, at: DoorAddress): boolean {
  const target = targetOf(at)
  return relay !== undefined && 'host' in target && !mayConnect(target.host, relay.from)
}

function outcomeOf(tag: string | undefined): TrialOutcome {
  if (tag === 'clean') return 'clean'
  return tag === undefined ? 'unscanned' : 'infected'
}

const RECIPIENT = 'postmaster@localhost'
/** A question without a recipient, so that no service for quotas is asked. */
const POLICY_QUESTION = writeAttributes({
  request: 'smtpd_access_policy',
  protocol_state: 'CONNECT',
})

/** Resolves with what the door says first: its greeting, or the answer to the question. */
function greet(at: DoorAddress, question: Buffer | undefined, within: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(targetOf(at))
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), within)
    socket.on('error', reject)
    socket.on('data', (first: Buffer) => {
      resolve(first.toString('latin1'))
      socket.destroy()
    })
    socket.on('end', () => socket.destroy(new Error('closes the connection')))
    socket.on('close', () => clearTimeout(timer))
    if (question !== undefined) socket.write(question)
  })
}

/** Where to connect to a door. If it listens at every address, that is the loopback address. */
function targetOf(
  at: DoorAddress,
): NetConnectOpts & ({ path: string } | { host: string; port: number }) {
  if (at.kind === 'unix') return { path: at.path }
  const host = at.host === '0.0.0.0' ? '127.0.0.1' : at.host === '::' ? '::1' : at.host
  return { host, port: at.port }
}

function readAddress(address: string): DoorAddress | undefined {
  try {
    return readDoorAddress(address, '')
  } catch {
    return undefined
  }
}
