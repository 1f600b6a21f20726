import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { freePort } from '../../../test/programs/host/free-port.ts'
import {
  makeCertificate,
  type StoreServer,
  startStore,
  startWatched,
} from '../../../test/programs/servers/store-server.ts'

/** A store that hosts share, in one of its forms. */
export interface Store {
  /** `VERDICTS` and what belongs to it. */
  readonly settings: Readonly<Record<string, string>>
  /** Those that may be the primary of some message. */
  readonly servers: readonly StoreServer[]
  /** A primary of now. */
  primary(): StoreServer
  /** Whether another server takes its place when it is away. */
  readonly recovers: boolean
  /** Kills a primary; starts it again where it was, unless another one takes its place. */
  killFor(milliseconds: number): Promise<void>
}

export type StoreKind = 'alone' | 'tls' | 'sentinel'

export async function openStore(t: Test, kind: StoreKind): Promise<Store> {
  switch (kind) {
    case 'alone': {
      const port = await freePort()
      return single(await startStore(t, { port }), `valkey://127.0.0.1:${port}`, {}, () => {
        return startStore(t, { port })
      })
    }
    case 'tls': {
      const { cert, key } = makeCertificate(t.testdir())
      const [port, plain] = [await freePort(), await freePort()]
      const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
      const args = ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no']
      const start = () => startStore(t, { port: plain, args })
      return single(await start(), `valkeys://127.0.0.1:${port}`, { VERDICTCA: cert }, start)
    }
    case 'sentinel': {
      const { primary, replica, sentinels, primaryPort } = await startWatched(t)
      const list = sentinels.map(({ port }) => `127.0.0.1:${port}`)
      const ofNow = () => (primaryPort() === primary.port ? primary : replica)
      return several(`valkey+sentinel://${list}/mail`, [primary, replica], ofNow)
    }
  }
}

function single(
  first: StoreServer,
  url: string,
  settings: Store['settings'],
  start: () => Promise<StoreServer>,
): Store {
  let server = first
  return {
    settings: { ...settings, VERDICTS: url },
    get servers() {
      return [server]
    },
    primary: () => server,
    recovers: false,
    async killFor(milliseconds) {
      await server.stop()
      await wait(milliseconds)
      server = await start()
    },
  }
}

function several(url: string, servers: StoreServer[], primary: () => StoreServer): Store {
  let isKilled = false
  return {
    settings: { VERDICTS: url },
    servers,
    primary,
    recovers: true,
    async killFor(milliseconds) {
      if (!isKilled) {
        const killed = primary()
        isKilled = true
        servers.splice(servers.indexOf(killed), 1)
        await killed.stop()
      }
      await wait(milliseconds)
    },
  }
}
