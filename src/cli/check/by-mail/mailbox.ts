import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { attempt, errorCode, errorTextAt, Fault } from '../../../lib/errors/fault.ts'
import { readStart } from '../../../lib/path/open.ts'
import { PathHandle } from '../../../lib/path/path-handle.ts'
import { OF_CHECK } from '../../../log/log-lines.ts'
import type { NamedMail } from './trial-mails.ts'

/** A place in which delivered mail can be seen. */
export interface Mailbox {
  /** Its name in findings. */
  readonly name: string
  /** Returns in latin1 what may be mail for trial: all that came so far. */
  read(): readonly string[]
  /** Whether nothing more can come. */
  readonly hasEnded: boolean
}

/** The most bytes of a message, or of the end of an mbox, that are read: mail for trial has 20 KB. */
const READ_MAX = 1024 * 1024
/** Milliseconds between two looks. */
const PAUSE = 500

/**
 * Opens a Maildir and its folders, into one of which mail for trial may be filed. Throws a Fault of kind
 * `config` if this account cannot read it.
 */
export function openMaildir(directory: string): Mailbox {
  const names = (path: string) => attempt(() => readdirSync(path)) ?? []
  const files = () =>
    ['', ...names(directory).filter((name) => /^\.[^.]/.test(name))]
      .flatMap((folder) => ['new', 'cur'].map((part) => join(directory, folder, part)))
      .flatMap((path) => names(path).map((name) => join(path, name)))
  try {
    readdirSync(join(directory, 'new'))
  } catch (error) {
    throw unreadable('--maildir', directory, error)
  }
  const seen = new Set(files())
  const mails: string[] = []
  return {
    name: directory,
    hasEnded: false,
    read() {
      for (const path of files()) {
        if (seen.has(path)) continue
        seen.add(path)
        // A mail program may have given it another name meanwhile: the next look finds that.
        const text = attempt(() => readStart(path, READ_MAX).toString('latin1')) ?? ''
        if (text.includes(OF_CHECK)) mails.push(text)
      }
      return mails
    },
  }
}

/** Opens an mbox, which may not exist yet. Throws a Fault of kind `config` if this account cannot read it. */
export function openMbox(file: string): Mailbox {
  const read = () => {
    try {
      return PathHandle.with(file, (found) => found.readEnd(READ_MAX).toString('latin1'))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return ''
      throw unreadable('--mbox', file, error)
    }
  }
  read()
  return { name: file, hasEnded: false, read: () => messagesOf(read()) }
}

/** Reads delivered mail from a pipe: an mbox, or one message after the other. */
export function openPipe(input: NodeJS.ReadStream): Mailbox {
  let [text, hasEnded] = ['', false]
  input.setEncoding('latin1').on('data', (piece) => {
    text = `${text}${piece}`.slice(-READ_MAX)
  })
  input.once('end', () => {
    hasEnded = true
  })
  input.unref?.() // its writer may go on, as tail -F does
  return {
    name: 'standard input',
    get hasEnded() {
      return hasEnded
    },
    read: () => messagesOf(text),
  }
}

/** A message begins with the line of an mbox, or with the field that its delivery has added: RFC 5321 4.4. */
const messagesOf = (text: string) => text.split(/^(?=From |Return-Path:)/im)

function unreadable(option: string, path: string, error: unknown): Fault {
  const why = `${errorTextAt(path, error)}; run check as the user whose mail it is`
  return new Fault('config', `${option} ${path}: ${why}`, error)
}

/** Waits for these mails, at most `within` milliseconds. Resolves to all that may be mail for trial. */
export async function untilDelivered(
  mailbox: Mailbox,
  mails: readonly NamedMail[],
  within: number,
): Promise<readonly string[]> {
  const deadline = performance.now() + within
  for (;;) {
    const found = mailbox.read()
    const isThere = ({ id }: NamedMail) => found.some((text) => headerOf(text).includes(`<${id}>`))
    if (mails.every(isThere) || mailbox.hasEnded || performance.now() > deadline) return found
    await setTimeout(PAUSE)
  }
}

/** The header of a message in latin1, up to its empty line. */
export const headerOf = (text: string): string => text.split(/\r?\n\r?\n/, 1)[0]!
