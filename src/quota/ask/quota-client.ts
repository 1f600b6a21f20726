import { type BackendOf, readBackendMap } from './backend-map.ts'
import { createQuotaClient, type QuotaClient } from './client.ts'
import { LdapBackends } from './ldap-backends.ts'
import type { QuotaSettings } from './quota-settings.ts'

const uptime = () => performance.now()

/** Opens the client that the settings describe. Throws a Fault of kind `config` for a bad map. */
export function openQuotaClient(settings: QuotaSettings, log: (line: string) => void): QuotaClient {
  const { backendOf, close } = backendsOf(settings)
  const client = createQuotaClient(settings, { backendOf, uptime, log })
  return {
    ...client,
    close() {
      client.close()
      close()
    },
  }
}

function backendsOf({ where, timeout }: QuotaSettings): { backendOf: BackendOf; close(): void } {
  if ('ldap' in where) {
    const backends = new LdapBackends(where.ldap, where.template, { uptime, timeout })
    return {
      backendOf: (address) => backends.backendOf(address),
      close: () => backends.close(),
    }
  }
  const close = () => {}
  if ('map' in where) return { backendOf: readBackendMap(where.map), close }
  return { backendOf: () => where.backend, close }
}
