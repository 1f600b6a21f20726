import * as crypto from 'node:crypto'
import { constants, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { errorCode, errorText, Fault } from '../../../base/errors/fault.ts'
import { readUptime } from '../../../base/flow/uptime.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { loadSystem } from '../../../base/runtime/system.ts'
import { formatMode } from '../../../base/text/units.ts'
import { spoolMessage } from '../../../mail/message/intake.ts'
import { readSpoolSettings } from '../../../mail/message/spool.ts'
import { makeId } from '../../scan/quarantine/entries.ts'
import { openIn } from '../../scan/quarantine/files.ts'
import { openQuarantine } from '../../scan/quarantine/folders.ts'
import { quarantineMessage, removeQuarantined } from '../../scan/quarantine/quarantine-message.ts'
import { bytesOf } from '../mail/message-file.ts'
import type { PlacedEntry, PlacedMessage } from './mail-files.ts'
import { mailboxEnvelope } from './mailbox-envelope.ts'
import type { DeliveredFate, SecondJudge } from './second-judge.ts'

/** The quarantine to which infected mail is moved, and the rules by which it is. */
export interface Removal {
  readonly directory: string
  readonly rules: Pick<SecondJudge, 'fateOf' | 'messageOptions'>
}

/** The outcome for an infected message. */
export type Removed =
  | { readonly kept: string }
  /** It stays in its mailbox, which is meant. */
  | { readonly stays: string }
  /** No file is at its path. */
  | 'gone'
  /** It was not moved, and should be. */
  | { readonly failed: string }

/**
 * Moves an infected message to a quarantine of this account, with a record for its release, if the settings keep such mail
 * out. When this resolves, the message is on the disk there, and removed here. Only the file that was scanned is moved, from
 * the directory in which it was found: not one that has changed since, or that has its name now.
 */
export async function moveToQuarantine(
  { file, stats, entry }: Pick<PlacedMessage, 'file' | 'stats' | 'entry'>,
  name: string,
  { directory, rules }: Removal,
): Promise<Removed> {
  if (entry === undefined) return { failed: 'it is not in a directory' }
  try {
    const opened = { file, ...openUnchanged(entry, stats) }
    const spool = readSpoolSettings(process.env)
    const message = await spoolMessage(bytesOf(opened, Number.MAX_SAFE_INTEGER), {
      spool,
      ...rules.messageOptions,
    })
    try {
      const path = pathOf(entry)
      const { sender, recipient, addresses } = mailboxEnvelope(message.header, path)
      const fate: DeliveredFate = await rules.fateOf(message, {
        sender,
        addresses,
        time: stats.mtimeMs,
      })
      if (fate.is === 'let in') return { stays: fate.why }
      if (fate.is === 'unknown') return { failed: fate.reason }
      const now = Date.now()
      const id = makeId(now, (random) => crypto.getRandomValues(random))
      const { mtime, mode, uid, gid } = opened.stats
      const { grounds } = fate
      const record = {
        id,
        time: new Date(now).toISOString(),
        host: hostname(),
        door: 'scan' as const,
        grounds,
        found: fate.found ?? name,
        log: Buffer.from(`onescan: scan --again found it in ${file}`).toString('latin1'),
        file: path,
        delivered: mtime.toISOString(),
        mode: formatMode(mode & 0o777),
        owner: `${uid}:${gid}`,
        sender,
        recipients: recipient === undefined ? [] : [recipient],
      }
      return await inTurn(directory, async () => {
        requireUnchanged(entry, stats)
        const kept = await quarantineMessage(directory, record, message)
        try {
          requireUnchanged(entry, stats)
          await entry.directory.unlink(entry.name)
        } catch (error) {
          // It stays in the mailbox, and is not in two places. (Another id is that of an earlier scan, which was killed.)
          if (kept === id) await removeQuarantined(directory, { grounds, id, size: message.size })
          throw error
        }
        return { kept }
      })
    } finally {
      message.close()
    }
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? 'gone' : { failed: errorText(error) }
  }
}

/** Returns the path of an entry, without links: a release puts the message back there. */
const pathOf = ({ directory, name }: PlacedEntry): string =>
  join(readlinkSync(directory.at()), basename(String(name)))

/** A file in the quarantine, which the process has locked that moves a message there. */
const LOCK = 'scan.lock'
/** Milliseconds that a scan waits for another one, and until it tries again. */
const TURN_TIME = 60_000
const TURN_EVERY = 5

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
      await pause(TURN_EVERY)
    }
    return await work()
  } finally {
    await file.close()
  }
}

/** Throws unless an entry is the very file that was opened there before, unchanged, and not a link. */
function requireUnchanged({ directory, name }: PlacedEntry, before: PlacedMessage['stats']): void {
  findUnchanged(directory, name, before).close()
}

function openUnchanged({ directory, name }: PlacedEntry, before: PlacedMessage['stats']) {
  const found = findUnchanged(directory, name, before)
  try {
    return found.open()
  } finally {
    found.close()
  }
}

function findUnchanged(
  directory: PathHandle,
  name: string | Buffer,
  before: PlacedMessage['stats'],
): PathHandle {
  const found = find(directory, name)
  const now = found.stats
  try {
    if (!now.isFile() || now.dev !== before.dev || now.ino !== before.ino)
      throw new Error(ANOTHER_FILE)
    if (now.size !== before.size || now.ctimeMs !== before.ctimeMs)
      throw new Error('it has changed since it was scanned; scan it again')
    return found
  } catch (error) {
    found.close()
    throw error
  }
}

const ANOTHER_FILE = 'was replaced by another file or a link'

function find(directory: PathHandle, name: string | Buffer): PathHandle {
  try {
    return directory.find(name)
  } catch (error) {
    throw errorCode(error) === '' ? new Error(ANOTHER_FILE) : error
  }
}
