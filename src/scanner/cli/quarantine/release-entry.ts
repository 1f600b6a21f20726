import * as crypto from 'node:crypto'
import { errorText, Fault } from '../../../base/errors/fault.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { REPLACED } from '../../../base/text/values.ts'
import { editHeader, type HeaderField } from '../../../mail/message/header-block.ts'
import { spoolMessage } from '../../../mail/message/intake.ts'
import type { Message } from '../../../mail/message/message.ts'
import { readSpoolSettings } from '../../../mail/message/spool.ts'
import { beginRelease, type Release } from '../../scan/quarantine/begin-release.ts'
import type { QuarantineRecord } from '../../scan/quarantine/record.ts'
import { isCurrent, type Key } from '../../scan/stamps/keyring.ts'
import { signRelease } from '../../scan/stamps/sign.ts'
import { RELEASED_TO_MAX } from '../../scan/stamps/stamp.ts'
import { digestsFor } from '../../scan/stamps/verify-stamps.ts'
import { readCluster } from '../host/slot-environment.ts'
import { type ActionNote, noteAction } from './directory.ts'
import { PutBack } from './put-back.ts'
import {
  MaybeTaken,
  type OutgoingMail,
  type ReleaseRoute,
  type UsualRoute,
  usualRouteOf,
} from './send-again.ts'
import { asUtf8 } from './shown-message.ts'

/**
 * Without a stamp only a server after the last onescan delivers a message in which scanners still find
 * something.
 */
const NO_STAMP_REMEDY =
  'release it with --no-stamp and --by HOST:PORT, a server behind the last onescan: any onescan before that server scans it again'

const MAYBE_REMEDY =
  'the message may have been delivered: look for it in the mail queue (mailq); if it is not there, release it with --again'

/** Why a message cannot be released in this way, with the remedy. */
export class CannotRelease extends Fault {
  constructor(message: string, cause?: unknown) {
    super('config', message, cause)
  }
}

/** How messages are released: by the command, and over HTTP. */
interface ReleaseRun {
  /** Addresses instead of all recipients, latin1. Empty: all recipients. */
  readonly to: readonly string[]
  /** Returns the keys that sign, or none for a release without a stamp. */
  readonly keys: () => readonly Key[]
  readonly routes: Readonly<Record<UsualRoute, ReleaseRoute>>
  /** Whether the caller has chosen the route, also for mail that would be put back. */
  readonly isRouted: boolean
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
 * not be released now; with a Fault `next-hop` whose cause is MaybeTaken if it may have been sent; and with another Fault if
 * it was not sent: it is in quarantine then, as before.
 */
export async function releaseEntry(
  root: PathHandle,
  { id, again }: { readonly id: string; readonly again: boolean },
  { to, keys: keysOf, routes, isRouted }: ReleaseRun,
  note: ActionNote,
): Promise<Released> {
  const begun = await beginRelease(root, id, again)
  const { entry, record } = begun.opened
  const { file, grounds } = record
  const isBack = file !== undefined && !isRouted && to.length === 0
  let recipients: readonly string[]
  let keys: readonly Key[]
  try {
    const refuse = (reason: string) => {
      throw new CannotRelease(`${entry.id}: ${reason}`)
    }
    recipients = isBack
      ? []
      : to.length > 0
        ? to.map((address) => recipientAt(address, record))
        : record.recipients
    if (!isBack && recipients.length === 0)
      refuse('its header names no recipient; specify one with --to')
    keys = isBack ? [] : keysOf()
    if (keys.length > 0 && grounds === 'unclear-header')
      refuse(`its header is unclear, so each onescan would quarantine it again; ${NO_STAMP_REMEDY}`)
  } catch (error) {
    await begun.cancel()
    throw error
  }
  const route = isBack ? new PutBack({ ...record, file }) : routes[usualRouteOf(record.door)]
  const answer = await handOn(begun, recipients, keys, route)
  const by = route.text // the route may be known only now
  await begun.finish().catch((error) => {
    note.error(`${entry.id}: was sent, but is not marked as released: ${errorText(error)}`)
  })
  const fields: readonly LogField[] = [
    ['quarantine', 'release'],
    ['kept', entry.id],
    ['grounds', record.grounds],
    ['found', record.found],
    ['from', `<${record.sender}>`],
    ['to', `<${recipients[0] ?? ''}>`],
    ['rcpts', recipients.length],
    ['by', by],
    ['next', answer],
    ['key', keys[0]?.id],
  ]
  await noteAction(root, fields, note)
  return { id: entry.id, by, answer, recipients, isSigned: keys.length > 0, isBack }
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
  const count = found === undefined ? 'no recipient' : 'more than one recipient'
  throw new CannotRelease(
    `<${shown}>: ${count} of the message matches (unknown bytes are shown as U+FFFD); release it to all of its recipients`,
  )
}

/**
 * Hands a message on, with a stamp if there are keys. Its file is read once, so that exactly the signed bytes
 * are sent. Resolves to the answer. If it is not sent, it stays in quarantine, and this rejects with a Fault.
 */
async function handOn(
  begun: Release,
  recipients: readonly string[],
  keys: readonly Key[],
  route: ReleaseRoute,
): Promise<string> {
  const { entry, record } = begun.opened
  try {
    const envelope = { sender: record.sender, recipients }
    return await sendSigned(begun.opened.message(), envelope, keys, route)
  } catch (error) {
    const mayBeTaken = error instanceof MaybeTaken
    await (mayBeTaken ? begun.leave() : begun.cancel())
    const text = `${entry.id}: ${errorText(error)}${mayBeTaken ? `; ${MAYBE_REMEDY}` : ''}`
    throw new Fault('next-hop', text, error)
  }
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
    const inCrlf = header.lineEnding === '\r\n'
    return await route.handOn({ sender, recipients, bytes, inCrlf })
  } finally {
    message.close()
  }
}

function stampOf(
  message: Message,
  recipients: readonly string[],
  keys: readonly Key[],
): HeaderField {
  if (recipients.length > RELEASED_TO_MAX) {
    const reason = `a stamp can list at most ${RELEASED_TO_MAX} recipients, and there are ${recipients.length}`
    throw new CannotRelease(`${reason}; select some of them with --to, or ${NO_STAMP_REMEDY}`)
  }
  const now = Math.floor(Date.now() / 1000)
  const stamp = signRelease(message, recipients, { keys, now, crypto })
  if (stamp !== undefined) return stamp.field
  const reason = message.canonical.fault ?? 'its header is too large'
  throw new CannotRelease(`it cannot be signed: ${reason}; ${NO_STAMP_REMEDY}`)
}

/** Returns the current keys that the keyring lets release mail. Throws CannotRelease if there is none. */
export function signingKeys(env: Environment): Key[] {
  const remedy = `make one with onescan keygen --release, or ${NO_STAMP_REMEDY}`
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
      throw new Error('has no current key that may release: append :release to an hmac-sha256 key')
    return keys
  } catch (error) {
    throw new CannotRelease(`keyring: ${errorText(error)}; ${remedy}`)
  }
}
