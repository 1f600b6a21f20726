import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import type { Clocks } from '../../ground/flow/clocks.ts'
import { readKnownFile, writeKnownFile } from './known-file.ts'

/** Clients that have behaved, and need not wait for a while (smtp-delay(8), WHO IS KNOWN). */
export interface KnownClients {
  has(client: string): boolean | Promise<boolean>
  /** The client has behaved: from now on it is known for the whole time. */
  add(client: string): void
  /** The client has not behaved. */
  forget(client: string): void
  readonly size: number
  /** Writes the file, if there is one and it is not up to date; resolves when that is done. */
  save(): Promise<void>
}

export interface KnownClientsOptions extends Clocks {
  /** Seconds; 0: nobody is known. */
  readonly remember: number
  readonly file: string | undefined
  /** Takes a line for the log if the file cannot be used. */
  readonly log: (line: string) => void
  /** The clients that the hosts of a cluster know together, if they share them. */
  readonly shared?: SharedKnownClients | undefined
}

/** Clients that have behaved on any host of a cluster. */
export interface SharedKnownClients {
  /**
   * Seconds for which it is still known; 0 for a stranger, or if the hosts cannot be asked. Never
   * rejects.
   */
  ask(client: string): Promise<number>
  add(client: string, seconds: number): void
  forget(client: string): void
}

/** Most clients that are remembered; the one that behaved longest ago makes room. */
export const KNOWN_MAX = 100_000

/**
 * Begins with the clients of the file; a damaged file is logged and counts as empty. Throws a Fault
 * if no file can be put there.
 */
export function openKnownClients({
  remember,
  file,
  uptime,
  now,
  log,
  shared,
}: KnownClientsOptions): KnownClients {
  /** Until when each is known, in seconds of `uptime`; in the order in which they last behaved. */
  const until = new Map<string, number>()
  const seconds = () => uptime() / 1000
  let changes = 0
  let saved = 0
  let toldTrouble = ''
  let saving: Promise<void> | undefined

  function put(client: string, time: number): void {
    until.delete(client)
    until.set(client, seconds() + time)
    if (until.size > KNOWN_MAX) until.delete(until.keys().next().value!)
  }

  function load(path: string): void {
    try {
      accessSync(dirname(path), constants.W_OK)
    } catch (error) {
      const remedy = 'make it a directory that the user of -u may write to'
      throw new Fault('config', `--known-file ${path}: ${errorText(error)}; ${remedy}`, error)
    }
    try {
      for (const [client, left] of readKnownFile(path, now() / 1000)) {
        put(client, Math.min(left, remember))
      }
    } catch (error) {
      log(`--known-file ${path}: ${errorText(error)}; nobody is known at first`)
    }
  }

  async function askOthers(client: string, others: SharedKnownClients): Promise<boolean> {
    const left = Math.min(await others.ask(client), remember)
    if (left <= 0) return false
    put(client, left)
    changes++
    return true
  }

  async function write(path: string): Promise<void> {
    const upTo = changes
    const left = new Map<string, number>()
    for (const [client, end] of until) {
      if (end > seconds()) left.set(client, end - seconds())
    }
    try {
      await writeKnownFile(path, left, now() / 1000)
      saved = upTo
      toldTrouble = ''
    } catch (error) {
      // Logged once, until something else is wrong.
      if (errorCode(error) !== toldTrouble) {
        log(`--known-file ${path}: ${errorText(error)}; who is known is remembered here alone`)
      }
      toldTrouble = errorCode(error)
    }
  }

  if (file !== undefined && remember > 0) load(file)
  return {
    has(client) {
      if ((until.get(client) ?? Number.NEGATIVE_INFINITY) > seconds()) return true
      return shared === undefined || remember === 0 ? false : askOthers(client, shared)
    },
    add(client) {
      if (remember === 0) return
      put(client, remember)
      changes++
      shared?.add(client, remember)
    },
    forget(client) {
      if (until.delete(client)) changes++
      shared?.forget(client)
    },
    get size() {
      return until.size
    },
    async save() {
      await saving
      if (file === undefined || changes === saved) return
      saving = write(file)
      await saving
    },
  }
}
