import { setTimeout as pause } from 'node:timers/promises'
import { doubledPause } from '../../ground/flow/back-off.ts'
import { LATE } from '../../ground/flow/deadline.ts'
import type { StoreAccess } from '../valkey/access.ts'
import { isAboutOneKey } from '../valkey/connection.ts'
import type { LastingConnection } from '../valkey/lasting-connection.ts'
import { openServers } from '../valkey/open-servers.ts'
import { RespError } from '../valkey/resp-reader.ts'
import { watchKeyMarks } from './key-marks.ts'
import { Publisher } from './publisher.ts'
import type { Sharing, SharingCounters, VerdictStore } from './store.ts'
import { FIRST_QUESTION, keyOf, questionFor } from './store-keys.ts'

export interface SharedStoreOptions extends StoreAccess {
  /** Milliseconds that a message waits for an answer. */
  readonly timeout: number
  readonly log: (line: string) => void
  /** The words of the log about what happens while the store fails. */
  readonly meanwhile?: string
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** The mark of this host's key (secrets.ts). Without it nobody notices that other hosts have another key. */
  readonly mark?: () => Buffer
  /** Milliseconds between two polls of the mark in the store. */
  readonly markEvery?: number
}

/** A store that hosts share. */
export interface SharedStore extends VerdictStore {
  release(fingerprint: Buffer): void
  sharing(): Sharing
}

/**
 * Milliseconds after which the claim of the host that scans expires: other hosts wait no longer for its
 * verdict.
 */
export const CLAIMED_FOR = 2_000

/** The value that stands for the verdict while a host is scanning. */
const CLAIM = Buffer.from('scanning')
/** Most characters of a server's error that are logged. */
const TOLD_MAX = 200
/** Milliseconds for storing a verdict, for which no mail waits. */
const PUT_WITHIN = 5_000
/** Milliseconds after which a host that waits asks again, doubled each time. */
const POLLS = { first: 5, longest: 40 }

/**
 * Opens a store of verdicts that hosts share: Valkey or Redis, one server, a cluster, or servers behind
 * sentinels. The first host that asks for a message claims it with the same question, and scans it;
 * others wait for its verdict as long as the claim lasts. While the store is away nobody waits for it,
 * and verdicts are put there when it is back (publisher.ts). The values of the store are not trusted:
 * see seal.ts.
 */
export function openSharedStore(options: SharedStoreOptions): SharedStore {
  const { address, timeout, log, uptime, meanwhile = 'messages are scanned meanwhile' } = options
  const counters: SharingCounters = {
    ...{ asked: 0, known: 0, waited: 0, late: 0, errors: 0, published: 0, dropped: 0 },
  }
  const troubles = new Map<string, string>()
  /** The claims of this process, and when they expire. */
  const claims = new Map<string, number>()

  /** Logs a trouble once, until another one comes, and the end of all troubles. */
  function tell(where: string, why: string | undefined): void {
    if (why === undefined) {
      const wasTroubled = troubles.delete(where)
      if (wasTroubled && troubles.size === 0) log(`VERDICTS ${address.text}: answers again`)
      return
    }
    const said = why.slice(0, TOLD_MAX)
    const isKnown = [...troubles.values()].includes(said)
    troubles.set(where, said)
    if (!isKnown) log(`VERDICTS ${address.text}: ${said}; ${meanwhile}`)
  }

  const publisher = new Publisher({ counters, uptime, publish })
  const servers = openServers(options, {
    firstQuestion: FIRST_QUESTION,
    ready: () => void publisher.publishAll(),
    trouble: tell,
  })
  const marks =
    options.mark && watchKeyMarks(options.mark, servers, { uptime, every: options.markEvery, tell })

  /** Counts an error, and logs it unless it is about one key only. */
  function erred(what: 'get' | 'put', { message }: RespError): void {
    counters.errors++
    if (/^(?:MOVED|ASK|READONLY)\b/.test(message)) servers.moved()
    if (!isAboutOneKey(new RespError(message))) tell(what, message)
  }

  async function publish(key: string, sealed: Buffer, milliseconds: number): Promise<boolean> {
    const connection = servers.connectionFor(key)
    if (!connection?.isReady) return false
    try {
      const words = ['SET', key, sealed, 'PX', String(milliseconds)]
      const answer = await connection.ask([words], PUT_WITHIN)
      const reply = answer === LATE ? LATE : answer[0]
      if (reply instanceof RespError) erred('put', reply)
      if (reply !== 'OK') return false
      tell('put', undefined)
      return true
    } catch {
      return false // the connection tells why
    }
  }

  /** Resolves to the value, and whether this host has just claimed it; undefined without an answer. */
  async function claimOrGet(connection: LastingConnection, key: string) {
    // A store that takes nothing takes no claims.
    const claims = troubles.has('put') ? [] : [['SET', key, CLAIM, 'NX', 'PX', String(CLAIMED_FOR)]]
    const replies = await connection.ask([...claims, questionFor(key)], timeout)
    if (replies === LATE) {
      counters.late++
      return undefined
    }
    const value = replies.at(-1)
    const [claim] = replies.slice(0, claims.length)
    if (claim instanceof RespError) erred('put', claim)
    if (value instanceof RespError) {
      erred('get', value)
      return undefined
    }
    tell('get', undefined)
    return { isOurs: claim === 'OK', value }
  }

  async function ask(
    connection: LastingConnection,
    key: string,
    patience: number,
  ): Promise<Buffer | undefined> {
    counters.asked++
    const until = uptime() + Math.min(patience, CLAIMED_FOR)
    for (let waits = 0; connection.isReady; waits++) {
      const answer = await claimOrGet(connection, key).catch(() => undefined)
      if (answer?.isOurs) {
        claims.set(key, uptime() + CLAIMED_FOR)
        return undefined
      }
      // A message that waits for another host's verdict asks again if an answer is late.
      const value = answer?.value ?? (waits > 0 ? CLAIM : undefined)
      if (!Buffer.isBuffer(value) || value.length === 0) return undefined
      if (!value.equals(CLAIM)) {
        counters.known++
        return value
      }
      if (uptime() >= until) return undefined
      if (waits === 0) counters.waited++
      await pause(doubledPause(waits, POLLS))
    }
    return undefined
  }

  return {
    get(fingerprint, patience = 0) {
      const key = keyOf(fingerprint)
      const connection = servers.connectionFor(key)
      return connection?.isReady ? ask(connection, key, patience) : undefined
    },
    put(fingerprint, sealed, seconds) {
      const key = keyOf(fingerprint)
      claims.delete(key)
      publisher.put(key, sealed, seconds)
    },
    release(fingerprint) {
      const key = keyOf(fingerprint)
      const until = claims.get(key)
      claims.delete(key)
      const connection = servers.connectionFor(key)
      // If the claim has expired, the value there may be another host's.
      if (until === undefined || uptime() >= until || !connection?.isReady) return
      connection.ask([['SET', key, CLAIM, 'XX', 'PX', '1']], PUT_WITHIN).catch(() => {})
    },
    sharing() {
      return {
        counters,
        trouble: troubles.values().next().value,
        unpublished: publisher.size,
      }
    },
    close() {
      marks?.close()
      servers.close()
      publisher.close()
    },
  }
}

// In this bundle, which has all that talks to a store.
export { tryStore } from './try-store.ts'
