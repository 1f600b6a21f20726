import { setTimeout as pause } from 'node:timers/promises'
import { doubledPause } from '../ground/flow/back-off.ts'
import { LATE } from '../ground/flow/deadline.ts'
import { createPublisher } from './publisher.ts'
import { SEALED_MAX } from './seal.ts'
import type { Sharing, SharingCounters, VerdictStore } from './store.ts'
import type { StoreAccess } from './valkey/access.ts'
import { isAboutOneKey, type RespCommand } from './valkey/connection.ts'
import type { LastingConnection } from './valkey/lasting-connection.ts'
import { openServers } from './valkey/open-servers.ts'
import { RespError } from './valkey/resp-reader.ts'

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
  /** Milliseconds between two looks at the mark in the store. */
  readonly markEvery?: number
}

/** A store that hosts share. */
export interface SharedStore extends VerdictStore {
  release(fingerprint: Buffer): void
  sharing(): Sharing
}

/** The beginning of the names of verdicts in the store; the rest is the fingerprint in base64url. */
export const KEY_PREFIX = 'onescan:verdict:1:'
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
/** Milliseconds after which a host that waits looks again, doubled each time. */
const LOOKS = { first: 5, longest: 40 }

const CHECK_KEY = `${KEY_PREFIX}check`
/** The name of the mark of the hosts' key, which the first host leaves and renews. */
const MARK_KEY = `${KEY_PREFIX}mark`
const MARK_EVERY = 20_000
/** Looks after which a mark expires that nobody renews. */
const MARK_LASTS = 3
const markQuestion: RespCommand = ['GETRANGE', MARK_KEY, '0', String(SEALED_MAX)]
export const OTHER_KEY =
  'hosts with another key use it, too: of the current hmac-sha256 keys in CLUSTERKEYS, the one whose id comes first has to be the same on all'
/** The first question on each connection: a user without the right to ask it can share nothing. */
const FIRST_QUESTION: RespCommand = ['GETRANGE', CHECK_KEY, '0', '0']

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

  const { mark, markEvery = MARK_EVERY } = options
  const looking =
    mark && setInterval(() => void compareMarks(mark()).catch(() => {}), markEvery).unref()
  /** The time since which the mark of another key has been there. */
  let otherSince: number | undefined

  /**
   * Leaves or renews this host's mark, and notices the mark of another key. A mark that nobody renews
   * expires; if one stays for longer, another host has that key now.
   */
  async function compareMarks(own: Buffer): Promise<void> {
    const connection = servers.connectionFor(MARK_KEY)
    if (!connection?.isReady) return
    const lasting = ['PX', String(MARK_LASTS * markEvery)]
    const replies = await connection.ask(
      [['SET', MARK_KEY, own, 'NX', ...lasting], markQuestion],
      PUT_WITHIN,
    )
    const found = replies === LATE ? undefined : replies[1]
    if (!Buffer.isBuffer(found) || found.length === 0) return // questions for verdicts log the trouble
    if (found.equals(own)) {
      otherSince = undefined
      tell('mark', undefined)
      await connection.ask([['SET', MARK_KEY, own, ...lasting]], PUT_WITHIN)
      return
    }
    otherSince ??= uptime()
    if (uptime() - otherSince > MARK_LASTS * markEvery) tell('mark', OTHER_KEY)
  }

  const publisher = createPublisher({ counters, uptime, publish })
  const servers = openServers(options, {
    firstQuestion: FIRST_QUESTION,
    ready: () => publisher.publishAll(),
    trouble: tell,
  })

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
    const question = ['GETRANGE', key, '0', String(SEALED_MAX)]
    const replies = await connection.ask([...claims, question], timeout)
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
      await pause(doubledPause(waits, LOOKS))
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
      clearInterval(looking)
      servers.close()
      publisher.close()
    },
  }
}

function keyOf(fingerprint: Buffer): string {
  return `${KEY_PREFIX}${fingerprint.toString('base64url')}`
}

/**
 * Puts a value into a store and asks for it. Resolves to the milliseconds that the answer took, and to
 * whether the store has the mark of another key than `own`. Rejects with a reason in one line if a server
 * cannot be asked, or does not keep the value.
 */
export async function tryStore(
  access: StoreAccess,
  timeout: number,
  own?: Buffer,
): Promise<{ readonly time: number; readonly hasOtherKey: boolean }> {
  const troubles = new Map<string, string>()
  let isReady = false
  const servers = openServers(access, {
    firstQuestion: FIRST_QUESTION,
    ready() {
      isReady = true
    },
    trouble: (who, why) => (why === undefined ? troubles.delete(who) : troubles.set(who, why)),
  })
  const ask = async (words: RespCommand) => {
    const answer = await servers.connectionFor(words[1] as string)!.ask([words], timeout)
    if (answer === LATE) throw new Error(`no answer in ${timeout} ms`)
    const [reply] = answer
    if (reply instanceof RespError) throw reply
    return reply
  }
  const until = performance.now() + timeout
  try {
    while (!isReady || !servers.isWhole || troubles.size > 0) {
      const [why = 'no connection'] = troubles.values()
      if (performance.now() > until) throw new Error(why)
      await pause(10)
    }
    await ask(['SET', CHECK_KEY, 'check', 'EX', '1'])
    const asked = performance.now()
    const answer = await ask(['GETRANGE', CHECK_KEY, '0', String(SEALED_MAX)])
    if (String(answer) !== 'check') throw new Error('it does not keep a value')
    const time = performance.now() - asked
    const found = own && (await ask(markQuestion))
    const isThere = Buffer.isBuffer(found) && found.length > 0
    return { time, hasOtherKey: isThere && !found.equals(own!) }
  } finally {
    servers.close()
  }
}
