import { closeSync } from 'node:fs'
import { errorText } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import type { QuarantineEntry } from '../../quarantine/entries.ts'
import { openQuarantine } from '../../quarantine/folders.ts'
import { newestEntries } from '../../quarantine/newest.ts'
import { recordOf } from '../../quarantine/open-entry.ts'
import type { QuarantinePolicy } from '../../quarantine/quarantine-policy.ts'
import type { SweepResult } from '../../quarantine/sweep.ts'
import { HIDDEN } from './snapshot.ts'

/** Messages that the page lists. */
export const KEPT_SHOWN = 50
/**
 * Bytes that are read of a message's description. A message may have a million recipients; if its
 * description is longer, less of it is shown.
 */
const ABOUT_SHOWN = 64 * 1024
/** Characters of a text that are shown. */
const TEXT_MAX = 200
/**
 * Milliseconds for which a view is shown again. If making one takes long, it is shown for REST
 * times as long, so that views take at most a tenth of the time.
 */
const FRESH_FOR = 2_000
const REST = 9

/** A message in quarantine as the page shows it. */
interface KeptMessage {
  readonly id: string
  /** Unix milliseconds. */
  readonly time: number
  readonly grounds: string
  readonly size: number
  readonly found?: string
  readonly door?: string
  readonly remote?: string
  readonly from?: string
  readonly to?: string
  readonly recipients?: number
}

/** The quarantine as the page shows it. */
export interface KeptView {
  /**
   * The kind of place where QUARANTINE keeps messages: none, the queue of the MTA, or a directory.
   */
  readonly place: 'none' | 'hold' | 'directory'
  /** Why the directory cannot be read. */
  readonly trouble?: string
  /** The newest KEPT_SHOWN messages, the newest first. */
  readonly messages: readonly KeptMessage[]
  /** The number and size of all messages that the last sweep left. */
  readonly all?: { readonly messages: number; readonly bytes: number }
}

export interface KeptSources {
  readonly quarantine: () => QuarantinePolicy | undefined
  readonly swept: () => SweepResult | undefined
  readonly hideAddresses: boolean
  readonly uptime: () => number
}

/**
 * Returns a function that views the quarantine of this host. Calls at about the same time share one
 * view. It never rejects.
 */
export function viewKept(sources: KeptSources): () => Promise<KeptView> {
  const { quarantine, swept, uptime } = sources
  let looking: Promise<KeptView> | undefined
  let goodUntil = Number.NEGATIVE_INFINITY

  async function look(): Promise<KeptView> {
    const place = quarantine()
    if (place?.kind !== 'directory') return { place: place?.kind ?? 'none', messages: [] }
    try {
      const root = openQuarantine(place.directory)
      try {
        const { messages, bytes } = swept() ?? {}
        const all = messages === undefined ? {} : { all: { messages, bytes: bytes! } }
        return { place: 'directory', messages: await read(root, sources.hideAddresses), ...all }
      } finally {
        closeSync(root.fd)
      }
    } catch (error) {
      return { place: 'directory', messages: [], trouble: errorText(error) }
    }
  }

  return () => {
    if (looking !== undefined && uptime() < goodUntil) return looking
    const began = uptime()
    goodUntil = Number.POSITIVE_INFINITY
    looking = look().finally(() => {
      goodUntil = uptime() + Math.max(FRESH_FOR, REST * (uptime() - began))
    })
    return looking
  }
}

async function read(root: PathHandle, hideAddresses: boolean): Promise<readonly KeptMessage[]> {
  const messages: KeptMessage[] = []
  for (const entry of await newestEntries(root, KEPT_SHOWN)) {
    const message = await readOne(root, entry, hideAddresses)
    if (message !== undefined) messages.push(message)
  }
  return messages
}

/** Resolves to a message as the page shows it, or to undefined if it is gone. */
async function readOne(
  root: PathHandle,
  entry: QuarantineEntry,
  hideAddresses: boolean,
): Promise<KeptMessage | undefined> {
  const { id, seconds, grounds, size } = entry
  const known = { id, time: seconds * 1000, grounds, size }
  try {
    const record = await recordOf(root, entry, ABOUT_SHOWN)
    if (record === undefined) return undefined
    const address = (text = '') => (hideAddresses ? HIDDEN : text.slice(0, TEXT_MAX))
    return {
      ...known,
      ...(record.found !== undefined && { found: record.found.slice(0, TEXT_MAX) }),
      door: record.door.slice(0, TEXT_MAX),
      ...(record.remote !== undefined && { remote: address(record.remote) }),
      from: address(record.sender),
      to: address(record.recipients[0]),
      recipients: record.recipients.length,
    }
  } catch (error) {
    return { ...known, found: errorText(error).slice(0, TEXT_MAX) }
  }
}
