import type { CheckLine } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { checkQuotaNames } from '../../../readiness/check-servers.ts'
import { readQuotaSettings } from '../../../scan/quota/quota-settings.ts'
import type { Postfix } from './postconf.ts'

/** Checks whether the service in onescand's QUOTAD knows the accounts of this host by the domains of its Postfix. */
export async function checkQuotaDomains({
  main,
  accounts,
  settings,
}: Pick<Postfix, 'main' | 'accounts' | 'settings'>): Promise<CheckLine[]> {
  const quota = attempt(() => readQuotaSettings(settings))
  return quota === undefined ? [] : checkQuotaNames(quota, accounts, accountDomains(main))
}

const DOMAIN = /^(?!localhost\b)[\w-]+(?:\.[\w-]+)+$/

/**
 * Returns the domains in mydestination, whose users are accounts, without tables. The host's name is one of them by
 * default, and counts only if it is the only one: mail rarely has it.
 */
function accountDomains({ mydestination = '', myhostname }: Postfix['main']): readonly string[] {
  const domains = mydestination.split(/[\s,]+/).filter((word) => DOMAIN.test(word))
  const others = domains.filter((domain) => domain !== myhostname)
  return others.length > 0 ? others : domains
}
