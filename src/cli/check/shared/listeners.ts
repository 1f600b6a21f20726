import { isIP } from 'node:net'
import type { Finding } from '../../../ground/errors/finding.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import { readQuotaSettings } from '../../../quota/ask/quota-settings.ts'
import type { StageHost } from '../../../readiness/stage.ts'
import { optionValues } from '../../shared/running-daemon.ts'
import { checkListener, pageService, quotadService } from './listener.ts'
import { readServiceAddress, type ServiceAddress } from './service-address.ts'

/**
 * Checks who listens at the sockets of this host that no mail server names: those of the quota
 * service, and of the page on a command line of onescand.
 */
export function checkListeners(
  { env, accounts }: StageHost,
  words: readonly string[] = [],
): Finding[] {
  const pages = optionValues(words, '--http').flatMap((text) => {
    const address = readServiceAddress(text)
    return address === undefined
      ? []
      : checkListener(`page ${text}`, address, accounts, pageService)
  })
  const service = quotaService(env)
  if (service === undefined) return pages
  const listens = { ...quotadService, udp: service.udp }
  return [...pages, ...checkListener('QUOTAD', service.address, accounts, listens)]
}

interface QuotaService {
  readonly address: ServiceAddress
  /** Whether it takes datagrams (UDP), and no streams. */
  readonly udp: boolean
}

/**
 * The service in QUOTAD, if it is on this host. Undefined, too, if the setting makes no sense, which
 * another check reports.
 */
function quotaService(env: Environment): QuotaService | undefined {
  let where: NonNullable<ReturnType<typeof readQuotaSettings>>['where'] | undefined
  try {
    where = readQuotaSettings(env)?.where
  } catch {
    return undefined
  }
  if (where === undefined || !('backend' in where)) return undefined
  const { backend } = where
  const [host, port] =
    backend.kind === 'udp'
      ? [backend.host, backend.port]
      : [backend.url.hostname.replace(/^\[|\]$/g, ''), Number(backend.url.port || 80)]
  if (!isHere(host)) return undefined
  return { address: { host, port }, udp: backend.kind === 'udp' }
}

const isHere = (host: string) =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
