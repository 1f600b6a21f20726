import type { Socket } from 'node:net'
import { Cluster, Redis, type RedisOptions } from 'iovalkey'
import handling from 'iovalkey/built/DataHandler.js'
import { readTheirs } from '../runtime/path/read.ts'
import { createReplyGuard } from './reply-guard.ts'
import type { StoreAccess } from './store-access.ts'

/** What a store is asked, over a connection that makes itself anew. */
export interface StoreClient {
  /** Whether it is connected, and has let us in. */
  readonly isReady: boolean
  /** The first so many bytes of a value; none if there is no such key. Rejects as the server does. */
  head(key: string, bytes: number): Promise<Buffer>
  set(key: string, value: Buffer, seconds: number): Promise<void>
  /** Connects anew: what was asked on the old connection is over. */
  renew(): void
  end(): void
}

export interface StoreClientOptions extends StoreAccess {
  /** What is wrong with the connection; may say the same again and again. */
  readonly trouble: (why: string) => void
}

/** Milliseconds for a connection, and between two attempts. */
const CONNECT_WITHIN = 2_000
const FIRST_PAUSE = 200
const LONGEST_PAUSE = 10_000

const pauseAfter = (attempts: number) => Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempts)

/**
 * Each connection of the client, those to sentinels and to servers of a cluster too, is read by
 * one of these: nothing but what a store may say comes to its parser.
 */
handling.default = class extends handling.default {
  constructor(...words: ConstructorParameters<typeof handling.default>) {
    super(...words)
    const [{ stream }] = words
    const guard = createReplyGuard()
    const [parse] = stream.listeners('data') as ((chunk: Buffer) => void)[]
    stream.off('data', parse!)
    stream.prependListener('data', (chunk: Buffer) => {
      if (guard.admits(chunk)) parse!(chunk)
      else (stream as Socket).destroy(new Error('sends an answer that no store sends'))
    })
  }
}

export function connectToStore(options: StoreClientOptions): StoreClient {
  const client = clientFor(options)
  client.on('error', (error: Error) => options.trouble(reasonOf(error)))
  return {
    get isReady() {
      return client.status === 'ready'
    },
    head: (key, bytes) => client.getrangeBuffer(key, 0, bytes - 1),
    async set(key, value, seconds) {
      await client.set(key, value, 'EX', seconds)
    },
    renew: () => client.disconnect(true),
    end: () => client.disconnect(),
  }
}

function clientFor(options: StoreClientOptions): Redis | Cluster {
  const { address, password, sentinelPassword, authorities } = options
  const tls = address.tls ? { ...(authorities && { ca: readTheirs(authorities) }) } : undefined
  const common: RedisOptions = {
    connectTimeout: CONNECT_WITHIN,
    // What cannot be asked now is not asked later: a scan is quicker.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: pauseAfter,
    connectionName: 'onescand',
    ...(address.user !== undefined && { username: address.user }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
  }
  switch (address.kind) {
    case 'server':
      return new Redis({ ...common, ...address.server, db: address.database })
    case 'socket':
      return new Redis({ ...common, path: address.path, db: address.database })
    case 'sentinel': {
      const { servers, name } = address
      return new Redis({
        ...common,
        sentinels: [...servers],
        name,
        sentinelRetryStrategy: pauseAfter,
        ...(sentinelPassword !== undefined && { sentinelPassword }),
        ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
      })
    }
    case 'cluster':
      return new Cluster([...address.servers], {
        redisOptions: common,
        enableOfflineQueue: false,
        clusterRetryStrategy: pauseAfter,
        slotsRefreshTimeout: CONNECT_WITHIN,
      })
  }
}

/** In a cluster the reason is that of one server of it. */
function reasonOf(error: Error & { lastNodeError?: Error }): string {
  return error.lastNodeError?.message ?? error.message
}
