import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import type { Clocks } from '../../ground/flow/clocks.ts'
import { readRememberFile, writeRememberFile } from './remember-file.ts'

export interface RememberedClientsOptions extends Clocks {
  /** Seconds for which a client is remembered; with 0 no client is. */
  readonly remember: number
  readonly file: string | undefined
  /** Takes a line for the log if the file cannot be used. */
  readonly log: (line: string) => void
}

/** Most clients that are remembered. The one that behaved longest ago makes room for a new one. */
export const REMEMBERED_MAX = 100_000

/** The clients that behaved, and need not wait for a while (smtp-delay(8), WHO IS KNOWN). */
export class RememberedClients {
  readonly #options: RememberedClientsOptions
  /** When each client ceases to be remembered, in seconds of `uptime`; in the order of last visits. */
  readonly #until = new Map<string, number>()
  #changes = 0
  #saved = 0
  #toldTrouble = ''
  #saving: Promise<void> | undefined

  /**
   * Starts with the clients in the file. A damaged file is logged, and counts as empty. Throws a
   * Fault if the directory of the file cannot be written to.
   */
  constructor(options: RememberedClientsOptions) {
    this.#options = options
    if (options.file !== undefined && options.remember > 0) this.#load(options.file)
  }

  get size(): number {
    return this.#until.size
  }

  has(client: string): boolean {
    return (this.#until.get(client) ?? Number.NEGATIVE_INFINITY) > this.#seconds()
  }

  /** Adds a client that behaved. It is remembered for the full time from now on. */
  add(client: string): void {
    const { remember } = this.#options
    if (remember === 0) return
    this.#put(client, remember)
    this.#changes++
  }

  /** Removes a client that talked early. */
  forget(client: string): void {
    if (this.#until.delete(client)) this.#changes++
  }

  /** Writes the file, unless there is none or it is up to date. Resolves when that is done. */
  async save(): Promise<void> {
    await this.#saving
    const { file } = this.#options
    if (file === undefined || this.#changes === this.#saved) return
    this.#saving = this.#write(file)
    await this.#saving
  }

  #seconds(): number {
    return this.#options.uptime() / 1000
  }

  #put(client: string, time: number): void {
    this.#until.delete(client)
    this.#until.set(client, this.#seconds() + time)
    if (this.#until.size > REMEMBERED_MAX) this.#until.delete(this.#until.keys().next().value!)
  }

  #load(path: string): void {
    const { now, remember, log } = this.#options
    try {
      accessSync(dirname(path), constants.W_OK)
    } catch (error) {
      const remedy = 'make it a directory that the user of -u may write to'
      throw new Fault('config', `--remember-file ${path}: ${errorText(error)}; ${remedy}`, error)
    }
    try {
      for (const [client, left] of readRememberFile(path, now() / 1000)) {
        this.#put(client, Math.min(left, remember))
      }
    } catch (error) {
      log(`--remember-file ${errorText(error)}; starts with no remembered clients`)
    }
  }

  async #write(path: string): Promise<void> {
    const { now, log } = this.#options
    const upTo = this.#changes
    const left = new Map<string, number>()
    for (const [client, end] of this.#until) {
      if (end > this.#seconds()) left.set(client, end - this.#seconds())
    }
    try {
      await writeRememberFile(path, left, now() / 1000)
      this.#saved = upTo
      this.#toldTrouble = ''
    } catch (error) {
      // The same error is logged once, until another one follows.
      if (errorCode(error) !== this.#toldTrouble) {
        const meanwhile = 'remembered clients are kept in memory, and lost at the end'
        log(`--remember-file ${path}: ${errorText(error)}; ${meanwhile}`)
      }
      this.#toldTrouble = errorCode(error)
    }
  }
}
