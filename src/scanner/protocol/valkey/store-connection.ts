import { errorText } from '../../../base/errors/fault.ts'
import type { TIMED_OUT } from '../../../base/flow/timeout.ts'
import type { DialledEndpoint } from '../../../base/protocol/connection/dial.ts'
import { ClusterConnection } from './cluster-connection.ts'
import {
  addressName,
  missingSlots,
  readClusterTable,
  slotOf,
  TABLE_QUESTION,
} from './cluster-table.ts'
import { connectToStore } from './connect-to-store.ts'
import { LastingConnection, type LastingOptions } from './lasting-connection.ts'
import { RespError, type RespValue } from './resp-reader.ts'
import type { ClusterAddress, SingleAddress, StoreAccess, StoreAddress } from './store-address.ts'
import { openConnection, type RespCommand, type ValkeyConnection } from './valkey-connection.ts'

/** A connection to a store of any kind. Its methods are those of LastingConnection, for commands about one key. */
export interface StoreConnection {
  isReadyFor(key: string): boolean
  ask(
    key: string,
    commands: readonly RespCommand[],
    within: number,
  ): Promise<readonly RespValue[] | typeof TIMED_OUT>
  /** To be called when a server replies that it is a replica. */
  renew(): void
  close(): void
}

/** Connects as LastingConnection and ClusterConnection describe. `question` is not sent to a cluster. */
export function connectLastingly(
  options: LastingOptions<StoreAddress>,
  question: RespCommand,
  notify: (trouble: string | undefined) => void,
): StoreConnection {
  const { address } = options
  if (address.kind === 'cluster') {
    const cluster = new ClusterConnection({ ...options, address }, notify)
    return {
      isReadyFor: (key) => cluster.isReadyFor(key),
      ask: (...asked) => cluster.ask(...asked),
      renew() {},
      close: () => cluster.close(),
    }
  }
  const server = new LastingConnection({ ...options, address }, question, notify)
  return {
    isReadyFor: () => server.isReady,
    ask: (_, commands, within) => server.ask(commands, within),
    renew() {
      if (address.kind === 'sentinel') server.renew()
    },
    close: () => server.close(),
  }
}

/** Sends one command about a key, and resolves to its reply. Rejects with a server's error. */
type AskOnce = (key: string, command: RespCommand) => Promise<RespValue>

/**
 * Connects to a store once: to all primaries of a cluster. Rejects with a reason in one line if a server cannot be
 * reached or refuses `question`, or if a cluster is not complete. The signal ends each step, and all connections.
 */
export async function connectOnce(
  { address, ...secrets }: StoreAccess,
  question: RespCommand,
  signal: AbortSignal,
): Promise<AskOnce> {
  const connectionFor =
    address.kind === 'cluster'
      ? await connectToCluster({ address, ...secrets }, signal)
      : await connectToOne({ address, ...secrets }, question, signal)
  return async (key, command) => {
    const [reply] = await connectionFor(key).ask(command)
    if (reply instanceof RespError) throw reply
    return reply!
  }
}

async function connectToOne(
  access: StoreAccess<SingleAddress>,
  question: RespCommand,
  signal: AbortSignal,
): Promise<() => ValkeyConnection> {
  const { connection } = await connectToStore(access, question, signal)
  signal.addEventListener('abort', () => connection.close())
  return () => connection
}

async function connectToCluster(
  { address, ...secrets }: StoreAccess<ClusterAddress>,
  signal: AbortSignal,
): Promise<(key: string) => ValkeyConnection> {
  const login = { ...secrets, user: address.user, database: 0 }
  const open = async (server: DialledEndpoint) => {
    try {
      const { connection, reply } = await openConnection(server, login, TABLE_QUESTION, signal)
      signal.addEventListener('abort', () => connection.close())
      return { connection, table: readClusterTable(String(reply), server) }
    } catch (error) {
      throw new Error(`${addressName(server)}: ${errorText(error)}`, { cause: error })
    }
  }
  const { table } = await Promise.any(address.servers.map(open)).catch((error) => {
    throw (error as AggregateError).errors[0]
  })
  const missing = missingSlots(table)
  if (missing !== undefined) throw new Error(missing)
  const connections = new Map<string, ValkeyConnection>()
  await Promise.all(
    Array.from(table.primaries, async ([name, server]) => {
      connections.set(name, (await open(server)).connection)
    }),
  )
  return (key) => connections.get(table.slots[slotOf(key)]!)!
}
