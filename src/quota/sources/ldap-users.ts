import type { LdapDirectory } from '../ldap/ldap-directory.ts'
import type { LookUpUser } from './account.ts'
import { homeIn } from './home.ts'
import { parseLimits } from './limits.ts'

/** Users, homes and quotas of a directory. */
export function ldapUsers(directory: LdapDirectory): LookUpUser {
  return async (user) => {
    const entry = await directory.find(user)
    if (entry.found !== 'entry') return entry
    const { quota } = entry
    const home = entry.home && homeIn(entry.home)
    if (entry.home && home === undefined) {
      return { found: 'trouble', why: `LDAP, ${user.name}: ${entry.home} is no absolute path` }
    }
    const limits = quota === undefined ? undefined : parseLimits(quota)
    if (quota !== undefined && !limits) {
      return { found: 'trouble', why: `LDAP, ${user.name}: ${quota} is no quota` }
    }
    return {
      found: 'account',
      ...(home ? { home } : {}),
      ...(limits ? { limits } : {}),
    }
  }
}
