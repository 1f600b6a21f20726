import * as crypto from 'node:crypto'
import { attempt, errorText, Fault, faultKindOf } from '../../base/errors/fault.ts'
import type { LogField } from '../../base/log/line-format.ts'
import type { PathHandle } from '../../base/path/path-handle.ts'
import type { Environment } from '../../base/process/environment.ts'
import { REPLACED } from '../../base/text/values.ts'
import { editHeader, type HeaderField } from '../../mail/message/header-block.ts'
import { spoolMessage } from '../../mail/message/intake.ts'
import type { Message } from '../../mail/message/message.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import { readCluster } from '../configuration/cluster-of-host.ts'
import type { ProblemType } from '../protocol/quarantine-api/problems.ts'
import { beginRelease } from '../scan/quarantine/begin-release.ts'
import { notInQuarantine, releasedBefore } from '../scan/quarantine/not-done.ts'
import {
  type Receipt,
  readReceipts,
  receiptOf,
  writeReceipts,
} from '../scan/quarantine/receipts.ts'
import type { QuarantineRecord } from '../scan/quarantine/record.ts'
import { isCurrent, type Key } from '../scan/stamps/keyring.ts'
import { signRelease } from '../scan/stamps/sign.ts'
import { RELEASED_TO_MAX } from '../scan/stamps/stamp.ts'
import { digestsFor } from '../scan/stamps/verify-stamps.ts'
import { type ActionNote, noteAction } from './note-action.ts'
import { personIn } from './noted-acts.ts'
import { PutBack } from './put-back.ts'
import { isInCare, mayRelease, type Reader, recipientsFor } from './reader.ts'
import {
  defaultRouteOf,
  MaybeTaken,
  NotTaken,
  type OutgoingMail,
  type ReleaseRoute,
  type RouteName,
} from './send-again.ts'
import { asUtf8 } from './shown-message.ts'

/** Why a message cannot be released in this way: a code of the table of problems, which has the remedy. */
export class CannotRelease extends Fault {
  readonly code: ProblemType

  constructor(code: ProblemType, message: string, cause?: unknown) {
    super('config', message, cause)
    this.code = code
  }
}

/** The next server has the message for some recipients, and did not accept it for the others. */
export class PartlyReleased extends Error {
  /** Its reply about the others. */
  readonly answer: string
  /** The number of the others. */
  readonly remaining: number
  /** One of them, whom it refused, latin1. */
  readonly recipient: string | undefined

  constructor(
    message: string,
    { answer, remaining, recipient }: Pick<PartlyReleased, 'answer' | 'remaining' | 'recipient'>,
  ) {
    // biome-ignore format: a line
    super(message)
    this.answer = answer
    this.remaining = remaining
    this.recipient = recipient
  }
}

/** How messages are released: by the command, and over HTTP. */
interface ReleaseRun {
  /** Addresses instead of all recipients, latin1. Empty: all recipients. */
  readonly to: readonly string[]
  /** Returns the keys that sign, or none for a release without a stamp. */
  readonly keys: () => readonly Key[]
  readonly routes: Readonly<Record<RouteName, ReleaseRoute>>
  /** Whether the caller has chosen the route, also for mail that would be put back. */
  readonly isRouted: boolean
  /** The person who releases it. */
  readonly reader: Reader
}

/** A release that the next program or server has accepted. */
export interface Released {
  readonly id: string
  /** The name of the route. */
  readonly by: string
  /** The reply of the next server, or '' from a program. */
  readonly answer: string
  readonly recipients: readonly string[]
  readonly isSigned: boolean
  /** Whether it is in its mailbox again, which `by` names. */
  readonly isBack: boolean
}

/**
 * Sends a message on, and records that. As soon as the next program may have accepted the message, no error makes
 * this a failure: otherwise it would be released again. Such an error is passed to `note`. Rejects with a NotDone if it may
 * not be released now; with a Fault `next-hop` whose cause is MaybeTaken or PartlyReleased if it may have been sent; and with
 * another Fault if it was not sent: it is in quarantine then, as before.
 *
 * A signed message is sent as often as its stamps need. The recipients who certainly received it are noted. They are
 * left out of a release, except with `mayRepeat` if no other is left. The message counts as released when all have it.
 */
export async function releaseEntry(
  root: PathHandle,
  { id, mayRepeat }: { readonly id: string; readonly mayRepeat: boolean },
  { to, keys: keysOf, routes, isRouted, reader }: ReleaseRun,
  note: ActionNote,
): Promise<Released> {
  const begun = await beginRelease(root, id, mayRepeat)
  const { entry, record } = begun.opened
  const { file, grounds } = record
  const isBack = file !== undefined && !isRouted && to.length === 0
  let recipients: readonly string[]
  let keys: readonly Key[]
  let receipts: readonly Receipt[]
  let wanted: readonly string[]
  let isDone = false
  const haveAll = () => record.recipients.every(receiptOf(receipts))
  try {
    const refuse = (code: ProblemType, reason: string) => {
      throw new CannotRelease(code, `${entry.id}: ${reason}`)
    }
    const own = recipientsFor(reader, record.recipients)
    if (reader.to !== undefined && own.length === 0) throw notInQuarantine(id)
    if (!mayRelease(reader, grounds)) refuse('not-this-kind', `the token is not for ${grounds}`)
    wanted = to.length > 0 ? to.map((address) => recipientAt(address, record)) : own
    const mayGo = (address: string) => own.includes(address) || isInCare(reader, address)
    if (reader.to !== undefined && !wanted.every(mayGo))
      refuse('not-allowed', 'the token is for other recipients')
    if (!isBack && wanted.length === 0) refuse('no-recipient', 'its header names no recipient')
    keys = isBack ? [] : keysOf()
    if (keys.length > 0 && grounds === 'unclear-header')
      refuse('cannot-sign', 'its header is unclear, so each onescan would quarantine it again')
    receipts = readReceipts(root, id)
    const receipt = receiptOf(receipts)
    const left = wanted.filter((address) => receipt(address) === undefined)
    // A release that was killed after all had it is done.
    const sendsAgain = mayRepeat && entry.state !== 'releasing'
    if (!isBack && left.length === 0 && !sendsAgain) {
      isDone = haveAll()
      throw releasedBefore(id)
    }
    recipients = isBack ? [] : left.length > 0 ? left : wanted
  } catch (error) {
    await (isDone ? begun.finish() : begun.cancel())
    throw error
  }
  const route = isBack ? new PutBack({ ...record, file }) : routes[defaultRouteOf(record.door)]
  const mails = keys.length > 0 ? inGroups(recipients, RELEASED_TO_MAX) : [recipients]
  const answers: string[] = []
  const reached: string[] = []
  const warn = (what: string, error: unknown) =>
    note.error(`${entry.id}: was sent, but ${what} could not be noted: ${errorText(error)}`)
  let isNoted = true
  const addReceipts = async (group: readonly string[]) => {
    const by = personIn(note.who)
    const at = new Date().toISOString()
    isNoted = false
    receipts = [...receipts, ...group.map((address) => ({ to: address, at, by }))]
    await writeReceipts(root, id, receipts)
    isNoted = true
  }
  const noteRelease = async () => {
    const fields: readonly LogField[] = [
      ['quarantine', 'release'],
      ['kept', entry.id],
      ['grounds', record.grounds],
      ['found', record.found],
      ['from', `<${record.sender}>`],
      ['to', `<${reached[0] ?? ''}>`],
      ['rcpts', reached.length],
      ['by', route.text], // the route may be known only now
      ['next', answersInWords(answers)],
      ['key', keys[0]?.id],
    ]
    await noteAction(root, fields, note)
  }
  try {
    for (const group of mails) {
      const envelope = { sender: record.sender, recipients: group }
      answers.push(await sendSigned(begun.opened.message(), envelope, keys, route))
      reached.push(...group)
      if (reached.length < recipients.length) await addReceipts(group)
      else if (group.length > 0)
        await addReceipts(group).catch((error) => warn('who received it', error))
    }
  } catch (error) {
    const isMaybe = error instanceof MaybeTaken
    await (isMaybe || !isNoted ? begun.leave() : begun.cancel())
    if (reached.length > 0) await noteRelease()
    const text = `${entry.id}: ${errorText(error)}`
    const has = new Set(reached)
    const remaining = new Set(recipients.filter((address) => !has.has(address))).size
    const all = new Set(wanted).size
    // Those who received it from an earlier release count, too.
    const received = isBack ? 0 : all - remaining
    const isRefused = reached.length > 0 || faultKindOf(error) === 'next-hop'
    if (isMaybe || !isRefused || received === 0) throw new Fault('next-hop', text, error)
    const some = `${text}; it was released to ${received} of ${all} recipients`
    const { answer, recipient } = error instanceof NotTaken ? error : { answer: errorText(error), recipient: undefined } // biome-ignore format: a line
    throw new Fault('next-hop', some, new PartlyReleased(some, { answer, remaining, recipient }))
  }
  const by = route.text
  isDone = isBack || entry.state === 'released' || haveAll()
  const end = isDone ? begun.finish() : isNoted ? begun.cancel() : begun.leave()
  await end.catch((error) => warn('that it is released', error))
  await noteRelease()
  const answer = answersInWords(answers)
  return { id: entry.id, by, answer, recipients, isSigned: keys.length > 0, isBack }
}

const answersInWords = (answers: readonly string[]) => [...new Set(answers)].join(', ')

/** Returns why a person cannot release a message to its recipients, as far as that is known before. */
export function obstacleTo(
  { grounds, file }: Pick<QuarantineRecord, 'grounds' | 'file'>,
  reader: Reader,
  env: Environment,
): ProblemType | undefined {
  if (!mayRelease(reader, grounds)) return 'not-this-kind'
  if (file !== undefined) return undefined // it returns to its mailbox, without a stamp
  if (attempt(() => signingKeys(env)) === undefined) return 'no-key'
  return grounds === 'unclear-header' ? 'cannot-sign' : undefined
}

function inGroups<Value>(values: readonly Value[], size: number): (readonly Value[])[] {
  const count = Math.ceil(values.length / size)
  return Array.from({ length: count }, (_, at) => values.slice(at * size, (at + 1) * size))
}

/**
 * Returns the address that `to` names, latin1. People see bytes that are not UTF-8 as U+FFFD, so an address with it is the
 * one recipient that is shown as this text. Throws CannotRelease if there is none, or more than one.
 */
function recipientAt(to: string, { recipients }: Pick<QuarantineRecord, 'recipients'>): string {
  const shown = asUtf8(to)
  if (!shown.includes(REPLACED)) return to
  const [found, ...others] = new Set(recipients.filter((address) => asUtf8(address) === shown))
  if (found !== undefined && others.length === 0) return found
  const reason =
    found === undefined
      ? 'is not a recipient of this message'
      : 'may be more than one recipient, since unknown bytes are shown as U+FFFD'
  throw new CannotRelease('unknown-recipient', `<${shown}>: ${reason}`)
}

/**
 * Sends a message on, with a stamp if there are keys. Resolves to the answer, and rejects as the route does, or with
 * CannotRelease.
 */
export async function sendSigned(
  pieces: AsyncIterable<Buffer>,
  { sender, recipients }: Pick<OutgoingMail, 'sender' | 'recipients'>,
  keys: readonly Key[],
  route: ReleaseRoute,
): Promise<string> {
  const message = await spoolMessage(pieces, {
    spool: readSpoolSettings(process.env),
    createHash: crypto.createHash,
    digestsFor: (fields) => digestsFor(fields, keys, Date.now() / 1000),
  })
  try {
    const add = keys.length > 0 ? [stampOf(message, recipients, keys)] : []
    const { header, body } = message
    const bytes = function* () {
      yield editHeader(header, { remove: [], add })
      yield* body.chunks()
    }
    const isCrlf = header.lineEnding === '\r\n'
    return await route.handOn({ sender, recipients, bytes, isCrlf })
  } finally {
    message.close()
  }
}

function stampOf(
  message: Message,
  recipients: readonly string[],
  keys: readonly Key[],
): HeaderField {
  const now = Math.floor(Date.now() / 1000)
  const stamp = signRelease(message, recipients, { keys, now, crypto })
  if (stamp !== undefined) return stamp.field
  const reason = message.canonical.fault ?? 'its header is too large'
  throw new CannotRelease('cannot-sign', `it cannot be stamped: ${reason}`)
}

/** Returns the current keys that the keyring lets release mail. Throws CannotRelease if there is none. */
export function signingKeys(env: Environment): Key[] {
  try {
    const now = Date.now() / 1000
    const { keys: all, CLUSTERPEERS } = readCluster(env)
    if (CLUSTERPEERS === 'required' && env.CLUSTERPEER === undefined) {
      throw new Error(
        'stamps that this host sends to itself are not trusted (CLUSTERPEERS=required)',
      )
    }
    const keys = all.filter((key) => key.mayRelease && isCurrent(key, now))
    if (keys.length === 0)
      throw new Error('has no release key: run onescan keygen --release --append FILE')
    return keys
  } catch (error) {
    throw new CannotRelease('no-key', `keyring: ${errorText(error)}`)
  }
}
