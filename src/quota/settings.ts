import { Fault } from '../fault.ts'
import { choice, type Environment, wholeNumber } from '../settings/settings.ts'
import { type Backend, readBackend } from './client/backend.ts'
import type { NameForm } from './client/mailbox-name.ts'

/** Whom to ask about mailboxes, and how; onescan-queue(8), QUOTAD and what begins with it. */
export interface QuotaSettings {
  readonly where: { readonly backend: Backend } | { readonly map: string }
  readonly nameForm: NameForm
  /** Milliseconds for a question. */
  readonly timeout: number
  /** How often a question is sent again within them. */
  readonly retries: number
  /** Share of the quota, 0 to 1, up to which an answer holds for long. */
  readonly soft: number
  /** Mailboxes that are remembered. */
  readonly cacheSize: number
  /** Whether the recipients of relay clients are asked about, too. */
  readonly askForRelayClients: boolean
}

/** Undefined where QUOTAD is not set: nobody is asked. Throws a Fault of kind `config`. */
export function readQuotaSettings(env: Environment): QuotaSettings | undefined {
  const service = env.QUOTAD
  if (!service) return undefined
  return {
    where: readService(service),
    nameForm: choice(env, 'QUOTANAME', ['address', 'local'], 'address'),
    timeout: wholeNumber(env, 'QUOTATIMEOUT', 500, { min: 1, max: 60_000, unit: 'milliseconds' }),
    retries: wholeNumber(env, 'QUOTARETRIES', 2, { max: 10 }),
    soft: wholeNumber(env, 'QUOTASOFT', 50, { max: 100, unit: 'percent' }) / 100,
    cacheSize: wholeNumber(env, 'QUOTACACHE', 20_000, { max: 10_000_000, unit: 'mailboxes' }),
    askForRelayClients: choice(env, 'QUOTARELAY', ['ask', 'pass'], 'pass') === 'ask',
  }
}

function readService(text: string): QuotaSettings['where'] {
  if (!text.startsWith('map:')) return { backend: readBackend(text, 'QUOTAD') }
  const map = text.slice('map:'.length)
  if (map.startsWith('/')) return { map }
  throw new Fault('config', `QUOTAD ${text}: must be map: and an absolute path`)
}
