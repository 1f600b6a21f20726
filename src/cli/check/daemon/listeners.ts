import { isIP } from 'node:net'
import type { ServiceAddress } from '../../../doors/milter/wire/ask.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import { readQuotaSettings } from '../../../quota/ask/quota-settings.ts'
import { placeOf } from '../mail-servers/filter-place.ts'
import { optionValues } from '../mail-servers/places-of-onescand.ts'
import type { Finding } from '../shared/finding.ts'
import type { Host } from '../shared/host.ts'
import { checkListener, pageListens, quotadListens } from '../shared/listener.ts'

/**
 * Checks who listens at the sockets of this host that no mail server names: those of the quota
 * service and of the page.
 */
export function checkListeners({ env, accounts, daemon }: Host): Finding[] {
  const pages = optionValues(daemon?.words ?? [], '--http').flatMap((text) => {
    const place = placeOf(text.replace(/^inet6:/, 'inet:'), undefined)
    return place === undefined ? [] : checkListener(`page ${text}`, place, accounts, pageListens)
  })
  const asked = quotaPlace(env)
  if (asked === undefined) return pages
  const listens = { ...quotadListens, udp: asked.udp }
  return [...pages, ...checkListener('QUOTAD', asked.place, accounts, listens)]
}

/**
 * The service in QUOTAD, if it is on this host. If the setting makes no sense, another check
 * reports it.
 */
function quotaPlace(
  env: Environment,
): { readonly place: ServiceAddress; readonly udp: boolean } | undefined {
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
  return { place: { host, port }, udp: backend.kind === 'udp' }
}

const isHere = (host: string) =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
