import { type BackendOf, readBackendMap } from './backend-map.ts'
import { createQuotaClient, type QuotaClient } from './client.ts'
import { ldapBackends } from './ldap-backends.ts'
import type { QuotaSettings } from './quota-settings.ts'

const now = () => performance.now()

/** The client that the settings ask for. Throws a Fault of kind `config` if a map cannot be used. */
export function openQuotaClient(settings: QuotaSettings, log: (line: string) => void): QuotaClient {
  const { backendOf, close } = backendsOf(settings)
  const client = createQuotaClient(settings, { backendOf, now, log })
  return {
    ...client,
    close() {
      client.close()
      close()
    },
  }
}

function backendsOf({ where, timeout }: QuotaSettings): { backendOf: BackendOf; close(): void } {
  if ('ldap' in where) return ldapBackends(where.ldap, where.template, { now, timeout })
  const close = () => {}
  if ('map' in where) return { backendOf: readBackendMap(where.map), close }
  return { backendOf: () => where.backend, close }
}
