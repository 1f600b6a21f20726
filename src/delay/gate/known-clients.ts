import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import type { Clocks } from '../../ground/flow/clocks.ts'
import { readKnownFile, writeKnownFile } from './known-file.ts'

/** The clients that behaved, and need not wait for a while (smtp-delay(8), WHO IS KNOWN). */
export interface KnownClients {
  has(client: string): boolean | Promise<boolean>
  /** Adds a client that behaved. It is known for the full time from now on. */
  add(client: string): void
  /** Removes a client that talked early. */
  forget(client: string): void
  readonly size: number
  /** Writes the file, unless there is none or it is up to date. Resolves when that is done. */
  save(): Promise<void>
}

export interface KnownClientsOptions extends Clocks {
  /** Seconds for which a client is known; with 0 no client is. */
  readonly remember: number
  readonly file: string | undefined
  /** Takes a line for the log if the file cannot be used. */
  readonly log: (line: string) => void
  /** The known clients of all hosts of the cluster; undefined if the hosts share none. */
  readonly shared?: SharedKnownClients | undefined
}

/** The clients that behaved on any host of a cluster. */
export interface SharedKnownClients {
  /**
   * Resolves to the seconds for which the client is still known: 0 for a stranger, and if the store
   * cannot be asked. Never rejects.
   */
  ask(client: string): Promise<number>
  add(client: string, seconds: number): void
  forget(client: string): void
}

/** Most clients that are remembered. The one that behaved longest ago makes room for a new one. */
export const KNOWN_MAX = 100_000

/**
 * Starts with the clients in the file. A damaged file is logged, and counts as empty. Throws a
 * Fault if the directory of the file cannot be written to.
 */
export function openKnownClients({
  remember,
  file,
  uptime,
  now,
  log,
  shared,
}: KnownClientsOptions): KnownClients {
  /** When each client ceases to be known, in seconds of `uptime`; in the order of last visits. */
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
      log(`--known-file ${path}: ${errorText(error)}; starts with no known clients`)
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
      // The same error is logged once, until another one follows.
      if (errorCode(error) !== toldTrouble) {
        log(
          `--known-file ${path}: ${errorText(error)}; known clients are kept in memory, and lost at the end`,
        )
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
