import type { QuotaSettings } from '../settings.ts'
import { type BackendOf, readBackendMap } from './backend-map.ts'
import { createQuotaClient, type QuotaClient } from './client.ts'

/** The client that the settings ask for. Throws a Fault of kind `config` where a map cannot be used. */
export function openQuotaClient(settings: QuotaSettings, log: (line: string) => void): QuotaClient {
  return createQuotaClient(settings, {
    backendOf: backendsOf(settings.where),
    now: () => performance.now(),
    log,
  })
}

function backendsOf(where: QuotaSettings['where']): BackendOf {
  if ('map' in where) return readBackendMap(where.map)
  return () => where.backend
}
