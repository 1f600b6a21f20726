import { existsSync } from 'node:fs'
import { Fault } from '../../fault.ts'
import type { LdapDirectory, LdapWorld } from '../ldap/ldap-directory.ts'
import type { LdapSettings } from '../ldap/settings.ts'
import { inOrder, type LookUpUser } from '../sources/account.ts'
import { ldapUsers } from '../sources/ldap-users.ts'
import { createMaildirSource } from '../sources/maildir.ts'
import { readMbox } from '../sources/mbox.ts'
import { passwdFile } from '../sources/passwd.ts'
import { quotaStatus } from '../sources/quota-status.ts'
import type { ReadMailbox } from '../sources/reading.ts'
import { homesFile, limitsFile } from '../sources/user-list.ts'
import type { Household } from './answer.ts'
import type { ServiceSettings, UserList } from './settings.ts'

/** All that is asked for an answer, made as the settings say. */
export interface Furnished extends Household {
  /** What is remembered of mailboxes and users. */
  forget(): void
}

export interface World {
  /** Milliseconds since 1970, as files tell their times. */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets, for how long something is remembered. */
  readonly uptime: () => number
}

/**
 * Places below a user's directory are reached through it: without it every mailbox would seem
 * to be missing.
 */
const OWN_DESCRIPTORS = '/proc/self/fd'

/** Makes ready what the settings name; files and directories are opened with the first question. Throws a Fault where it cannot. */
export async function furnish(settings: ServiceSettings, world: World): Promise<Furnished> {
  const { source, users, ldap, patience, remembered } = settings
  const { uptime } = world
  if (!existsSync(OWN_DESCRIPTORS)) {
    throw new Fault('config', `${OWN_DESCRIPTORS}: is not there; mount /proc`)
  }
  const { read, forget } = sourceOf(settings, world)
  const directory = ldap && (await makeDirectory(ldap, { now: uptime, patience, remembered }))
  return {
    lookUp: users.length > 0 ? inOrder(users.map(userList)) : undefined,
    mailbox: source.mailbox,
    read,
    limits: settings.limitsFile === undefined ? undefined : limitsFile(settings.limitsFile, uptime),
    standard: settings.standard,
    forget() {
      forget()
      directory?.forget()
    },
  }

  function userList(list: UserList): LookUpUser {
    switch (list.kind) {
      case 'passwd':
        return passwdFile(list.file, uptime)
      case 'homes':
        return homesFile(list.file, uptime)
      case 'ldap':
        return ldapUsers(directory!)
    }
  }
}

/** Loaded only where it is wanted. */
async function makeDirectory(settings: LdapSettings, world: LdapWorld): Promise<LdapDirectory> {
  const { createLdapDirectory } = await import('../ldap/ldap-directory.ts')
  return createLdapDirectory(settings, world)
}

function sourceOf(
  { source, patience, longestWalk, remembered }: ServiceSettings,
  world: World,
): { read: ReadMailbox; forget(): void } {
  switch (source.kind) {
    case 'maildir':
      return createMaildirSource({
        ...world,
        budget: patience,
        longest: longestWalk,
        mailboxes: remembered,
      })
    case 'mbox':
      return { read: readMbox, forget() {} }
    case 'quota-status':
      return { read: quotaStatus({ address: source.address, patience }), forget() {} }
  }
}
