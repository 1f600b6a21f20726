import { closeSync, constants, fstatSync, readdirSync, writeSync } from 'node:fs'
import { attempt } from '../../../base/errors/fault.ts'
import { replaceUnprintable } from '../../../base/log/line-format.ts'
import { isOpenedFor } from '../../../base/process/descriptors.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import type { Reply } from '../../scan/replies/reply.ts'
import { codeOfReply, slotExit } from './exit-codes.ts'

/** How the caller of onescan-queue accepts a reply, by ERROR_FD. */
export interface ErrorReport {
  /** The descriptor for the text, or undefined if no text can be sent. */
  readonly fd: number | undefined
  /** The exit code that announces a text: 88 for descriptor 2, where IndiMail reads it, else 82. */
  readonly code: number
}

/** Bytes of the longest text, its first letter included (notqmail's qmail.c reads 255). */
const REPORT_MAX = 255

/**
 * Parses ERROR_FD, and checks the descriptor. It must be a socket, or a pipe that is open for writing only,
 * and no other descriptor of this process may refer to the same file. Otherwise the number may be one of the
 * runtime's own pipes, or become a socket to a scanner. For the same reason this function must be called
 * before anything else is opened.
 */
export function readErrorReport(env: Environment): ErrorReport {
  const { fd, code } = statedErrorReport(env)
  return { fd: fd !== undefined && isForReplies(fd) ? fd : undefined, code }
}

/** Reads ERROR_FD, whether or not the descriptor can be used. */
export function statedErrorReport(env: Environment): ErrorReport {
  const fd = readSetting(env, 'ERROR_FD')
  return { fd, code: fd === 2 ? slotExit.customTextIndimail : slotExit.customText }
}

/** Sends the text if possible, and returns the exit code for the reply. */
export function report(reply: Reply, { fd, code }: ErrorReport): number {
  const plain = plainCode(reply, code)
  if (fd === undefined) return plain
  try {
    writeSync(fd, replyText(reply))
    closeSync(fd)
    return code
  } catch {
    return plain
  }
}

/** Returns the exit code if no text can be sent, for a caller that expects a text with `code`. */
export function plainCode(reply: Reply, code: number): number {
  return codeOfReply(reply, code === slotExit.customTextIndimail)
}

/**
 * Returns `D` (permanent) or `Z` (temporary) and the text. It has no control bytes, because callers forward
 * it unchanged.
 */
export function replyText({ class: status, text, enhanced }: Reply): string {
  const line = replaceUnprintable(text)
  const end = ` (#${enhanced})`
  return `${status === 5 ? 'D' : 'Z'}${line.slice(0, REPORT_MAX - 1 - end.length)}${end}`
}

function isForReplies(fd: number): boolean {
  try {
    const status = fstatSync(fd)
    if (!status.isSocket() && !(status.isFIFO() && isWriteOnly(fd))) return false
    return !readdirSync('/proc/self/fd').some((other) => {
      return Number(other) !== fd && isSameFile(other, status)
    })
  } catch {
    return false
  }
}

function isWriteOnly(fd: number): boolean {
  return isOpenedFor(fd, constants.O_WRONLY)
}

function isSameFile(fd: string, { dev, ino }: { dev: number; ino: number }): boolean {
  // One of them is the descriptor by which the directory was listed.
  const status = attempt(() => fstatSync(Number(fd)))
  return status?.dev === dev && status.ino === ino
}
