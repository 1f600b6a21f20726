import * as crypto from 'node:crypto'
import type { Stats } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { errorText, Fault } from '../../base/errors/fault.ts'
import { PathHandle } from '../../base/path/path-handle.ts'
import type { Environment } from '../../base/process/environment.ts'
import type { Header } from '../../mail/message/header-block.ts'
import { spoolMessage } from '../../mail/message/intake.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import { parseTime } from '../log/criteria.ts'
import { makeId } from '../scan/quarantine/entries.ts'
import { quarantineMessage, removeQuarantined } from '../scan/quarantine/quarantine-message.ts'
import { CONFIG_FILES, databaseIn, firstConfOf } from '../scan/scanners/clamd/clamd-conf.ts'
import { readSignatureFiles } from '../scan/scanners/signatures/signature-files.ts'
import type { Output } from './command/run-command.ts'
import { bytesOf, type MessageFile } from './mail/message-file.ts'

/** Mail that was delivered is scanned again when signatures come: `onescan scan --again`. */

/**
 * Milliseconds before the present signatures came: ClamAV publishes new ones once a day, so mail of this time was scanned
 * with those before them.
 */
const BEFORE_SIGNATURES = 36 * 60 * 60 * 1000

/**
 * Returns the time from which mail is scanned again, in unix milliseconds: `words`, or some time before the signatures of
 * this host's clamd last changed. Rejects with a Fault if that is not known.
 */
export async function timeSince(words: string | undefined, env: Environment): Promise<number> {
  const now = Date.now()
  if (words !== undefined) return parseTime('--since', words, now)
  const directory = env.CLAMDBDIR || databaseIn(firstConfOf(CONFIG_FILES))
  const files = await readSignatureFiles(directory, now)
  const changed = files?.official?.changed ?? files?.changed
  if (changed !== undefined) return changed * 1000 - BEFORE_SIGNATURES
  throw new Fault('config', `--again: ${directory} has no signatures; specify --since TIME`)
}

/**
 * Whether a scan comes to a file after another one, which may be gone: the names of each directory come in descending order
 * of their bytes.
 */
export function isAfter(file: string, other: string): boolean {
  const [names, others] = [file.split('/'), other.split('/')]
  const at = names.findIndex((name, index) => name !== others[index])
  return at >= 0 && Buffer.compare(Buffer.from(names[at]!), Buffer.from(others[at] ?? '')) < 0
}

/** The file up to which a scan has come, even if several files are scanned at once. */
export class ResumePlace {
  readonly #begun: { readonly file: string; isDone: boolean }[] = []
  /** The last file before which nothing is left. */
  text: string | undefined

  /** Notes that a file is being scanned. The returned function notes the end of that. */
  begin(file: string): () => void {
    const entry = { file, isDone: false }
    this.#begun.push(entry)
    return () => {
      entry.isDone = true
      while (this.#begun[0]?.isDone) this.text = this.#begun.shift()!.file
    }
  }
}

/** Returns the directory of the mailbox of a file: a Maildir has it above `new` and `cur`. */
export function mailboxDirectory(file: string): string {
  const directory = dirname(file)
  return /^(?:new|cur|tmp)$/.test(basename(directory)) ? dirname(directory) : directory
}

/**
 * Moves an infected message to a quarantine of this account, with a record for its release. When this resolves, the message
 * is on the disk there, and removed here. Resolves to its id, or to undefined if it was not moved, which is reported. Only
 * the file that was scanned is moved: not one that has changed since, or that is at its path now.
 */
export async function keep(
  { file, stats }: Pick<MessageFile, 'file' | 'stats'>,
  scanned: { readonly answer: string; readonly name?: string },
  directory: string | undefined,
  output: Pick<Output, 'error'>,
): Promise<{ readonly kept: string } | undefined> {
  if (directory === undefined || scanned.answer !== 'infected') return undefined
  try {
    await requireUnchanged(file, stats)
    const opened = { file, ...PathHandle.with(file, (found) => found.open()) }
    const spool = readSpoolSettings(process.env)
    const message = await spoolMessage(bytesOf(opened, Number.MAX_SAFE_INTEGER), { spool })
    try {
      const now = Date.now()
      const id = makeId(now, (random) => crypto.getRandomValues(random))
      const { mtime, mode, uid, gid } = opened.stats
      const record = {
        ...{ id, time: new Date(now).toISOString(), host: hostname(), door: 'scan' as const },
        ...{
          grounds: 'virus',
          found: scanned.name,
          log: `onescan: scan --again found it in ${file}`,
        },
        ...{ file: resolve(file), delivered: mtime.toISOString() },
        ...{ mode: (mode & 0o777).toString(8).padStart(4, '0'), owner: `${uid}:${gid}` },
        ...envelopeOf(message.header),
      }
      const kept = await quarantineMessage(directory, record, message)
      try {
        await requireUnchanged(file, stats)
        await unlink(file)
      } catch (error) {
        // It stays in the mailbox, and is not in two places.
        await removeQuarantined(directory, { grounds: record.grounds, id, size: message.size })
        throw error
      }
      return { kept }
    } finally {
      message.close()
    }
  } catch (error) {
    output.error(`${file}: was not moved to the quarantine: ${errorText(error)}`)
    return undefined
  }
}

/** Rejects unless a path has the very file that was opened there before, unchanged, and not through a link. */
async function requireUnchanged(file: string, before: Stats): Promise<void> {
  const now = await lstat(file)
  const isSame = now.isFile() && now.dev === before.dev && now.ino === before.ino
  if (!isSame) throw new Error('another file, or a link, has its name now')
  if (now.size !== before.size || now.ctimeMs !== before.ctimeMs)
    throw new Error('it has changed since it was scanned; scan it again')
}

/** Returns the envelope of a delivered message, as far as its header names it. */
function envelopeOf(header: Header): { readonly sender: string; readonly recipients: string[] } {
  const value = (name: string) => {
    const field = header.fields.find(({ key }) => key === name)
    return field && header.valueOf(field).trim().replace(/^<|>$/g, '')
  }
  const recipient = value('delivered-to') ?? value('x-original-to') ?? value('envelope-to')
  return { sender: value('return-path') ?? '', recipients: recipient ? [recipient] : [] }
}
