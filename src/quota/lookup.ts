import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { Fault } from '../base/errors/fault.ts'
import type { LdapDirectory } from '../base/protocol/ldap/ldap-directory.ts'
import type { MailboxLookup } from './mailbox-answer.ts'
import type { ServiceSettings } from './service-settings.ts'
import { followAliases } from './sources/aliases.ts'
import { type Clocks, REMEMBERED_MAX, type ReadMailbox } from './sources/mailbox-result.ts'
import { MaildirSource } from './sources/maildir.ts'
import { mboxSource } from './sources/mbox.ts'
import { quotaStatus } from './sources/quota-status.ts'
import {
  askInOrder,
  homesFile,
  type LookUpUser,
  ldapUsers,
  limitsFile,
  localDomains,
  passwdFile,
} from './sources/users.ts'

/**
 * The directory of this process's descriptors. Mailboxes are reached through it, and without it
 * every mailbox would seem to be missing.
 */
const OWN_DESCRIPTORS = '/proc/self/fd'

/**
 * Prepares the lookup that the settings describe. Files and directories are opened with the first
 * query. Throws a Fault if /proc is missing.
 */
export async function openLookup(
  settings: ServiceSettings,
  clocks: Clocks,
): Promise<MailboxLookup> {
  const { source, users, ldap, lookupTimeout: timeout } = settings
  const { uptime } = clocks
  if (!existsSync(OWN_DESCRIPTORS)) {
    throw new Fault('config', `${OWN_DESCRIPTORS}: does not exist; mount /proc`)
  }
  const mailboxes = sourceOf(settings, clocks)
  let directory: LdapDirectory | undefined
  if (ldap !== undefined) {
    // Only a service with a directory loads the client of LDAP.
    const client = await import('../base/protocol/ldap/ldap-directory.ts')
    directory = new client.LdapDirectory(ldap, { uptime, timeout, remembered: REMEMBERED_MAX })
  }
  const isLocal = localDomains(settings.domains, hostname(), uptime)
  return {
    uptime,
    follow:
      settings.aliases.length > 0
        ? followAliases(settings.aliases, isLocal, { uptime, timeout, directory })
        : undefined,
    askUsers: users.length > 0 ? askInOrder(users.map(userList)) : undefined,
    locate: source.mailbox,
    read: (mailbox, measure) => mailboxes.read(mailbox, measure),
    limits: settings.limitsFile === undefined ? undefined : limitsFile(settings.limitsFile, uptime),
    defaultLimits: settings.defaultLimits,
    forget() {
      mailboxes.forget()
      directory?.forget()
    },
  }

  function userList(list: ServiceSettings['users'][number]): LookUpUser {
    switch (list.kind) {
      case 'passwd':
        return passwdFile(list.file, isLocal, uptime)
      case 'homes':
        return homesFile(list.file, uptime)
      case 'ldap':
        return ldapUsers(directory!)
    }
  }
}

function sourceOf(
  { source, lookupTimeout }: ServiceSettings,
  clocks: Clocks,
): { read: ReadMailbox; forget(): void } {
  switch (source.kind) {
    case 'maildir':
      return new MaildirSource(lookupTimeout, clocks)
    case 'mbox':
      return { read: mboxSource(clocks.uptime), forget() {} }
    case 'quota-status':
      return { read: quotaStatus(source.address, source.text, lookupTimeout), forget() {} }
  }
}
