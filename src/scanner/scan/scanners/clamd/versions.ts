import { promises } from 'node:fs'
import { PolledValue } from '../../../../base/flow/polled-value.ts'
import { TIMED_OUT, withTimeout } from '../../../../base/flow/timeout.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import type { SignatureFiles } from '../signatures/signature-files.ts'
import { areAtLeastAsNew, databaseNumber } from '../signatures/signature-version.ts'
import type { ClamdAddress } from './clamd-address.ts'
import type { ClamdServer } from './clamd-server.ts'
import { askClamd } from './session-pool.ts'

/** Milliseconds for which an answer holds: a database that is loaded meanwhile can only be newer. */
const BELIEVED_FOR = 10_000
/** Milliseconds after which servers are asked again, while no message waits. */
const ASKED_AGAIN_AFTER = 5_000
/** Milliseconds that messages wait for one round of answers. */
const TIMEOUT = 250

/** Milliseconds after which a silent server has failed: it loads a database, or is overloaded. */
const SILENCE_MAX = 1_000

/** A round of requests that is under way. */
interface Asking {
  readonly since: number
  readonly done: Promise<void>
}

/** Requests the signatures of servers (VERSION, clamd(8)) for as long as a caller needs them. */
export class Versions {
  readonly #servers: readonly ClamdServer[]
  readonly #closed = new AbortController()
  /** The time of the last request that was answered. */
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Asking | undefined

  constructor(servers: readonly ClamdServer[]) {
    this.#servers = servers
  }

  /**
   * Resolves to the newest signatures of all servers, as they were within the last BELIEVED_FOR.
   * Undefined if no server answers within `timeout` milliseconds, or their versions cannot be compared.
   */
  async newest(timeout: number = TIMEOUT): Promise<string | undefined> {
    const age = readUptime() - this.#askedAt
    if (age > BELIEVED_FOR) {
      // Only one message waits for a silent server, not each of them.
      const { since, done } = this.#refresh()
      if (!(await isWithin(done, timeout - (readUptime() - since)))) return undefined
    } else if (age > ASKED_AGAIN_AFTER) void this.#refresh()
    const all = this.#known()
    return all.find((version) => all.every((other) => areAtLeastAsNew(version, other)))
  }

  close(): void {
    this.#closed.abort()
  }

  #refresh(): Asking {
    if (this.#asking === undefined) {
      const since = readUptime()
      const done = this.#askAll(since).finally(() => {
        this.#asking = undefined
      })
      this.#asking = { since, done }
    }
    return this.#asking
  }

  async #askAll(began: number): Promise<void> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(BELIEVED_FOR)])
    await Promise.all(this.#servers.map((server) => this.#ask(server, signal)))
    this.#askedAt = began
  }

  async #ask(server: ClamdServer, signal: AbortSignal): Promise<void> {
    const silent = () => this.#servers.length > 1 && server.failed()
    const timer = setTimeout(silent, SILENCE_MAX)
    const version = await versionOf(server, signal).catch(() => undefined)
    clearTimeout(timer)
    if (version?.startsWith('ClamAV ')) server.version = version
    // A server that is down is skipped. If all are down, their last answer still counts.
    else if (this.#known().length > 1) server.version = undefined
  }

  #known(): readonly string[] {
    return this.#servers.flatMap(({ version }) => version ?? [])
  }
}

async function versionOf(
  { address }: ClamdServer,
  signal: AbortSignal,
): Promise<string | undefined> {
  const outcome = await askClamd(address, 'VERSION', signal)
  return outcome.kind === 'answered' ? outcome.reply : undefined
}

async function isWithin(work: Promise<void>, milliseconds: number): Promise<boolean> {
  return milliseconds > 0 && (await withTimeout(work, milliseconds)) !== TIMED_OUT
}

/** Bytes of signatures that clamd loads in a second, at least. */
const LOADED_PER_SECOND = 2_000_000

/**
 * Resolves to whether clamd has loaded these signatures. It has if it reports the number of ClamAV's own
 * signatures. It also has if it created its socket long enough after they changed: clamd creates the socket
 * after it has loaded all signatures. For a server on another host, and for a site's own signatures, only the
 * elapsed time is used.
 */
export async function clamdHasLoaded(
  { address, version }: { readonly address: ClamdAddress; readonly version: string | undefined },
  { official, others, size }: SignatureFiles,
  isSettled: (changed: number | undefined) => boolean,
): Promise<boolean> {
  const made = await socketCreatedAt(address)
  const isFrom = (changed: number | undefined) =>
    isSettled(changed) || (made !== undefined && made > changed! + size / LOADED_PER_SECOND)
  if (!isFrom(others)) return false
  const number = databaseNumber(version)
  const isNamed = official !== undefined && number !== undefined && number >= official.number
  return isNamed || isFrom(official?.changed)
}

const sockets = new Map<string, PolledValue<number | undefined>>()

/**
 * Resolves to the time at which the socket was created, in Unix seconds: its mtime, because its mode and owner
 * may change later. Undefined if there is no socket, or the file system does not answer.
 */
async function socketCreatedAt(address: ClamdAddress): Promise<number | undefined> {
  if (address.kind !== 'unix') return undefined
  const { path } = address
  const see = async () => {
    const stats = await promises.stat(path).catch(() => undefined)
    return stats && stats.mtimeMs / 1000
  }
  const seen = sockets.get(path) ?? new PolledValue(undefined, see)
  sockets.set(path, seen)
  return (await seen.tryPoll()) ? seen.value : undefined
}
