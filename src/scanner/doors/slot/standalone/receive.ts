import { constants, fstatSync, readSync } from 'node:fs'
import { errorCode, errorText, Fault } from '../../../../base/errors/fault.ts'
import { MemoryLease } from '../../../../base/flow/memory-budget.ts'
import { isOpenedFor } from '../../../../base/process/descriptors.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { type Envelope, EnvelopeReader } from '../../../../mail/message/envelope.ts'
import { Intake } from '../../../../mail/message/intake.ts'
import type { MessageOptions } from '../../../../mail/message/message-options.ts'
import type { Transaction } from '../../../scan/judge/context/transaction.ts'
import { bounceUserOf, readSlotClient, type SlotClient } from '../slot-client.ts'

const BUFFER = 256 * 1024
const MESSAGE_FD = 0
const ENVELOPE_FD = 1

/** Milliseconds before a descriptor is read again that the caller left non-blocking. */
const RETRY = 5

/** Reads the whole message and its envelope. Throws a Fault if one of them is incomplete. */
export function receiveTransaction(options: MessageOptions, env: Environment): Transaction {
  const intake = new Intake(options, MemoryLease.unlimited())
  const envelope = receive(intake)
  return { message: intake.finish(), envelope, client: readCaller(env) }
}

/** The client of this process, by its own user and environment. */
export function readCaller(env: Environment): SlotClient {
  return readSlotClient(env, process.geteuid!(), bounceUserOf(env))
}

/**
 * Reads the message from descriptor 0 to its end, then the envelope from descriptor 1 to its last NUL
 * (qmail-queue(8)). qmail-smtpd writes in this order. Reading descriptor 1 first would deadlock with it past
 * 64 KiB. Throws a Fault of kind `read`, and the errors of intake and envelope.
 */
function receive(intake: Intake): Envelope {
  const buffer = Buffer.allocUnsafeSlow(BUFFER)
  let size = 0
  for (;;) {
    const length = readSome(MESSAGE_FD, buffer, 'message')
    if (length === 0) break
    intake.write(buffer.subarray(0, length))
    size += length
  }
  if (size === 0) requireMessage()
  const envelope = new EnvelopeReader()
  for (;;) {
    const length = readSome(ENVELOPE_FD, buffer, 'envelope')
    if (length === 0 || envelope.push(buffer.subarray(0, length))) return envelope.finish()
  }
}

function readSome(fd: number, buffer: Buffer, what: string): number {
  for (;;) {
    try {
      return readSync(fd, buffer, 0, buffer.length, null)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EOF') return 0
      if (code !== 'EAGAIN' && code !== 'EINTR') {
        const remedy = code === 'EBADF' ? '; to try it by hand, use onescan inject' : ''
        const reason = errorText(error) + remedy
        throw new Fault('read', `cannot read the ${what} on fd ${fd}: ${reason}`, error)
      }
      if (code === 'EAGAIN') pause()
    }
  }
}

/**
 * Throws a Fault of kind `read` if descriptor 0 was closed when this program started. The runtime then
 * opens /dev/null there, for reading and writing, and an empty message from there was never sent.
 */
export function requireMessage(): void {
  const isDevice = fstatSync(MESSAGE_FD).isCharacterDevice()
  if (isDevice && isOpenedFor(MESSAGE_FD, constants.O_RDWR)) {
    throw new Fault('read', 'fd 0 is closed; no message')
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY)
}
