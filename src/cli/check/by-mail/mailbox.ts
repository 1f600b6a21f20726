import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { attempt, errorTextAt, Fault } from '../../../lib/errors/fault.ts'
import { readStart } from '../../../lib/path/open.ts'
import { OF_CHECK } from '../../../log/log-lines.ts'
import type { NamedMail } from './test-mails.ts'

/** A source of delivered mail. */
export interface Mailbox {
  /** Returns possible test mail in latin1: all that has arrived until now. */
  read(): readonly string[]
  /** Whether no more mail can arrive. */
  readonly hasEnded: boolean
}

/** Upper limit, in bytes, for a stored message, or for the end of a pipe: test mail has 200 KB in total. */
const KEPT = 1024 * 1024
/** Milliseconds between two checks. */
const PAUSE = 500

/** Opens a Maildir, or `-` for mail on standard input. Throws as openMaildir(). */
export const openTestMailbox = (place: string): Mailbox =>
  place === '-' ? openPipe(process.stdin) : openMaildir(place)

/**
 * Opens a Maildir and its folders, one of which may receive test mail. Throws a Fault of kind `config` if
 * this account cannot read it.
 */
function openMaildir(directory: string): Mailbox {
  const names = (path: string) => attempt(() => readdirSync(path)) ?? []
  const files = () =>
    ['', ...names(directory).filter((name) => /^\.[^.]/.test(name))]
      .flatMap((folder) => ['new', 'cur'].map((part) => join(directory, folder, part)))
      .flatMap((path) => names(path).map((name) => join(path, name)))
  try {
    readdirSync(join(directory, 'new'))
  } catch (error) {
    const why = `${errorTextAt(directory, error)}; run check as the user whose mail it is`
    throw new Fault('config', `--maildir ${directory}: ${why}`, error)
  }
  const seen = new Set(files())
  const mails: string[] = []
  const read = () => {
    for (const path of files()) {
      if (seen.has(path)) continue
      seen.add(path)
      // A mail program may have renamed it meanwhile: the next check finds the new name.
      const text = attempt(() => readStart(path, KEPT).toString('latin1')) ?? ''
      if (text.includes(OF_CHECK)) mails.push(text)
    }
    return mails
  }
  return { read, hasEnded: false }
}

/** Reads delivered mail from a pipe: an mbox, or one message after the other. */
function openPipe(input: NodeJS.ReadStream): Mailbox {
  let text = ''
  input.setEncoding('latin1').on('data', (piece) => {
    text = `${text}${piece}`.slice(-KEPT)
  })
  input.unref?.() // its writer may go on, as tail -F does
  return {
    // A message begins with the line of an mbox, or with the field that its delivery has added: RFC 5321 4.4.
    read: () => text.split(/^(?=From |Return-Path:)/im),
    get hasEnded() {
      return input.readableEnded
    },
  }
}

/** Waits for these mails, at most `within` milliseconds. Resolves to all possible test mail. */
export async function untilDelivered(
  mailbox: Mailbox,
  mails: readonly NamedMail[],
  within: number,
): Promise<readonly string[]> {
  const deadline = performance.now() + within
  for (;;) {
    const { hasEnded } = mailbox
    const found = mailbox.read()
    const isThere = ({ id }: NamedMail) => found.some((text) => headerOf(text).includes(`<${id}>`))
    if (mails.every(isThere) || hasEnded || performance.now() > deadline) return found
    await setTimeout(PAUSE)
  }
}

/** The header of a message in latin1, up to its empty line. */
export const headerOf = (text: string): string => text.split(/\r?\n\r?\n/, 1)[0]!
