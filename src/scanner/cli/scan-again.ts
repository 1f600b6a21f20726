import * as crypto from 'node:crypto'
import { constants, readdirSync, type Stats } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { attempt, errorCode, errorText, Fault } from '../../base/errors/fault.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import { PathHandle } from '../../base/path/path-handle.ts'
import type { Environment } from '../../base/process/environment.ts'
import { loadSystem } from '../../base/runtime/system.ts'
import type { Header } from '../../mail/message/header-block.ts'
import { spoolMessage } from '../../mail/message/intake.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import { parseTime } from '../log/criteria.ts'
import { makeId } from '../scan/quarantine/entries.ts'
import { openQuarantine } from '../scan/quarantine/folders.ts'
import { quarantineMessage, removeQuarantined } from '../scan/quarantine/quarantine-message.ts'
import { openIn } from '../scan/quarantine/sweep-clock.ts'
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

/** Names are read again after this many times what that took: otherwise each moved file would take as long as all. */
const NAMES_VALID = 10

/** Finds messages of Maildirs that mail readers move, or whose flags they change, while they are scanned. */
export class MovedMessages {
  #place = ''
  #validUntil = 0
  /** The names in a cur/ by their unique parts. */
  #names: ReadonlyMap<string, string> = new Map()
  readonly #found = new Set<string>()

  /** Whether a message was found here before, where it had moved to. */
  has(file: string): boolean {
    return this.#found.has(file)
  }

  /**
   * Opens a message that is no longer at its path, where it is now: in cur/, with the same name up to the colon (maildir(5)).
   * Returns undefined if it is not there.
   */
  find(file: string): MessageFile | undefined {
    const place = dirname(file)
    if (!/^(?:new|cur)$/.test(basename(place))) return undefined
    const cur = join(dirname(place), 'cur')
    if (cur !== this.#place || readUptime() > this.#validUntil) this.#read(cur)
    const name = this.#names.get(uniquePart(basename(file)))
    const found = join(cur, name ?? '')
    if (name === undefined || found === file) return undefined
    const opened = attempt(() => PathHandle.with(found, (handle) => handle.open()))
    if (opened === undefined) return undefined
    this.#found.add(found)
    return { file: found, ...opened }
  }

  #read(place: string): void {
    const began = readUptime()
    const names = attempt(() => readdirSync(place)) ?? []
    this.#names = new Map(names.map((name) => [uniquePart(name), name]))
    this.#place = place
    const now = readUptime()
    this.#validUntil = now + NAMES_VALID * (now - began)
  }
}

const uniquePart = (name: string): string => name.replace(/:.*/s, '')

/**
 * Moves an infected message to a quarantine of this account, with a record for its release. When this resolves, the message
 * is on the disk there, and removed here. Resolves to its id; to `gone` if there is no file at its path; or to undefined if
 * it was not moved, which is reported. Only the file that was scanned is moved: not one that has changed since, or that is at
 * its path now.
 */
export async function keep(
  { file, stats }: Pick<MessageFile, 'file' | 'stats'>,
  scanned: { readonly answer: string; readonly name?: string },
  directory: string | undefined,
  output: Pick<Output, 'error'>,
): Promise<{ readonly kept: string } | 'gone' | undefined> {
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
          log: Buffer.from(`onescan: scan --again found it in ${file}`).toString('latin1'),
        },
        ...{ file: resolve(file), delivered: mtime.toISOString() },
        ...{ mode: (mode & 0o777).toString(8).padStart(4, '0'), owner: `${uid}:${gid}` },
        ...envelopeOf(message.header),
      }
      return await inTurn(directory, async () => {
        await requireUnchanged(file, stats)
        const kept = await quarantineMessage(directory, record, message)
        try {
          await requireUnchanged(file, stats)
          await unlink(file).catch(goneOr)
        } catch (error) {
          // It stays in the mailbox, and is not in two places. (Another id is that of an earlier scan, which was killed.)
          const { grounds } = record
          if (kept === id) await removeQuarantined(directory, { grounds, id, size: message.size })
          throw error
        }
        return { kept }
      })
    } finally {
      message.close()
    }
  } catch (error) {
    if (error instanceof Gone) return 'gone'
    output.error(`${file}: ${NOT_MOVED}: ${errorText(error)}`)
    return undefined
  }
}

/** A file in the quarantine, which the process has locked that moves a message there. */
const LOCK = 'scan.lock'
/** Milliseconds that a scan waits for another one, and those until it tries again. */
const TURN_TIME = 60_000
const TURN_EACH = 5

/**
 * Calls `work` while no other process moves mail to this quarantine: if two scans keep the same message and both are killed,
 * there are two copies. Rejects with a Fault if the other one does not end.
 */
async function inTurn<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  const root = await openQuarantine(directory)
  const file = await openIn(root, LOCK, constants.O_RDWR | constants.O_CREAT).finally(() => root.close()) // biome-ignore format: a line
  try {
    const system = loadSystem()
    const end = readUptime() + TURN_TIME
    while (system?.tryLock(file.fd) === false) {
      if (readUptime() > end)
        throw new Fault(
          'write',
          `${directory}/${LOCK}: another scan uses this quarantine; wait until it has ended`,
        )
      await pause(TURN_EACH)
    }
    return await work()
  } finally {
    await file.close()
  }
}

export const NOT_MOVED = 'was not moved to the quarantine'

/** The file of a message is no longer at its path. */
class Gone extends Error {}

function goneOr(error: unknown): never {
  throw errorCode(error) === 'ENOENT' ? new Gone() : error
}

/** Rejects unless a path has the very file that was opened there before, unchanged, and not through a link. */
async function requireUnchanged(file: string, before: Stats): Promise<void> {
  const now = await lstat(file).catch(goneOr)
  const isSame = now.isFile() && now.dev === before.dev && now.ino === before.ino
  if (!isSame) throw new Error('was replaced by another file or a link')
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
