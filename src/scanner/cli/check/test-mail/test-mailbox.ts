import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { attempt, errorCode, errorTextAt, Fault } from '../../../../base/errors/fault.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { readStart } from '../../../../base/path/open.ts'
import { OF_CHECK } from '../../../log/message-lines.ts'
import type { TestMail } from '../../../readiness/test-mail/test-mails.ts'
import type { NamedMail } from './name-mail.ts'

/** A source of delivered mail. */
export interface Mailbox {
  /** Returns possible test mail in latin1: all that has arrived until now. */
  read(): readonly string[]
  /** Whether no more mail can arrive. */
  readonly hasEnded: boolean
  /** Why mail in it cannot be read, in one line with the path. */
  fault?(): string | undefined
}

/** Upper limit, in bytes, for a stored message, or for the end of a pipe: test mail has 200 KB in total. */
const KEPT = 1024 * 1024
/** Milliseconds between two checks. */
const PAUSE = 500

/** Opens a Maildir, or `-` for mail on standard input. Throws as openMaildir(). */
export const openTestMailbox = (place: string): Mailbox =>
  place === '-' ? openPipe(process.stdin) : openMaildir(place)

/**
 * Opens a Maildir and its folders, one of which may receive test mail; the delivery of that may create it. Throws a Fault
 * of kind `config` if this account cannot read it.
 */
function openMaildir(directory: string): Mailbox {
  const names = (path: string) => attempt(() => readdirSync(path)) ?? []
  const files = () =>
    ['', ...names(directory).filter((name) => /^\.[^.]/.test(name))]
      .flatMap((folder) => ['new', 'cur'].map((part) => join(directory, folder, part)))
      .flatMap((path) => names(path).map((name) => join(path, name)))
  const fault = () => {
    try {
      readdirSync(join(directory, 'new'))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      return `${directory}: ${errorTextAt(directory, error)}`
    }
    return undefined
  }
  const reason = fault()
  if (reason !== undefined)
    throw new Fault('config', `--maildir ${reason}; run onescan check as the owner of this mail`)
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
  return { read, hasEnded: false, fault }
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

/** Waits for these messages, at most `within` milliseconds. Resolves to all possible test mail. */
export async function untilDelivered(
  mailbox: Mailbox,
  mails: readonly NamedMail[],
  within: number,
): Promise<readonly string[]> {
  const deadline = readUptime() + within
  for (;;) {
    const { hasEnded } = mailbox
    const found = mailbox.read()
    const isThere = ({ id }: NamedMail) => found.some((text) => headerOf(text).includes(`<${id}>`))
    if (mails.every(isThere) || hasEnded || mailbox.fault?.() || readUptime() > deadline)
      return found
    await setTimeout(PAUSE)
  }
}

/** The header of a message in latin1, up to its empty line. (An MTA may have put lines in LF above a mail in CR LF.) */
const headerOf = (text: string): string => text.replace(/\r?\n\r?\n.*/s, '')

/** The outcome of an accepted mail. */
export type DeliveredAs = 'tagged' | 'spam' | 'removed' | 'missing' | 'unchanged' | 'unknown'

/** The outcome in a mailbox, with the fields by which a filter marks the mail as infected, or as spam. */
export interface Delivery {
  readonly fate: DeliveredAs
  readonly tags: readonly string[]
}

/** Returns the outcome of a mail by the delivered mail, given in latin1. */
export function deliveryOf(
  { malware }: TestMail,
  { id, subject }: NamedMail,
  delivered: readonly string[],
): Delivery {
  const all = delivered.filter((text) => text.includes(id) || text.includes(subject))
  if (all.length === 0) return { fate: 'missing', tags: [] }
  const carrying = all.filter((text) => malware.some((line) => text.includes(line)))
  // Of several copies, the one with the fewest marks counts.
  const [tags = []] = (carrying.length > 0 ? carrying : all)
    .map((text) => tagsOf(headerOf(text), subject))
    .sort((one, other) => one.length - other.length)
  if (malware.length > 0 && carrying.length === 0) return { fate: 'removed', tags }
  if (tags.length === 0) return { fate: 'unchanged', tags }
  return { fate: tags.every((tag) => OF_SPAM.test(tag)) ? 'spam' : 'tagged', tags }
}

/** Names of fields of filters: clamav-milter, rspamd, amavis, MailScanner, SpamAssassin, onescan and others. */
const OF_FILTER = /^x-.*(?:virus|infect|malware|spam|amavis-alert|mailscanner|qhpsi)/i
const IS_TAG = /^(?:yes|true|infected|virus)\b|infected|eicar|virus found/i
const OF_SPAM = /^(?=.*spam)(?!.*(?:infected|eicar|virus))/i
const IS_NONE = /^(?:no|not|none|false|clean|default: false|found to be clean)\b/i

/** Returns the fields that warn a reader or a mail filter, including a changed subject. */
function tagsOf(header: string, subject: string): string[] {
  const fields = header.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  return fields.filter((field) => {
    const [, name = '', value = ''] = /^([!-9;-~]+):\s*(.*)$/s.exec(field) ?? []
    if (/^subject$/i.test(name)) return value.trim() !== subject
    if (/^x-rspamd-action$/i.test(name)) return /^(?:add header|rewrite subject|reject)/.test(value)
    return OF_FILTER.test(name) && IS_TAG.test(value) && !IS_NONE.test(value)
  })
}
