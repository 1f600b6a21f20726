import { accessSync, constants } from 'node:fs'
import { errorText } from '../../ground/errors/fault.ts'
import type { StartReport } from '../../ground/process/start-report.ts'
import { everyFault, gatherFaults, lineEndFaults } from '../../ground/settings/faults.ts'
import { findMisspeltSettings } from '../../ground/settings/misspelt-settings.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { openLookup } from './lookup.ts'
import { readOptions } from './options.ts'
import { becomeUser, ownStatus, requireFewPrivileges } from './privileges.ts'
import { readServiceSettings, type ServiceSettings } from './service-settings.ts'

/**
 * Makes the steps of onescan-quotad's start up to its sockets, as the user that it would become,
 * and reports all faults together. It opens no socket and asks no other service.
 */
export async function checkStart(words: readonly string[], env: Environment): Promise<StartReport> {
  const faults = gatherFaults()
  const options = faults.attempt(() => readOptions(words), undefined)
  const errors = [...faults.lines, ...lineEndFaults(env), ...everyFault(env, readServiceSettings)]
  const warnings = findMisspeltSettings(env).map(({ name, suggestion }) => {
    return `${name} is not a setting: no program reads it; did you mean ${suggestion}?`
  })
  if (options === undefined || errors.length > 0) {
    return { isUsage: options === undefined, errors, warnings, actions: [] }
  }
  const settings = readServiceSettings(env)
  try {
    await openLookup(settings, { now: Date.now, uptime: () => performance.now() })
    if (options.user !== undefined) becomeUser(options.user)
    requireFewPrivileges(process.getuid!(), ownStatus())
    warnings.push(...unreadableFiles(settings))
  } catch (error) {
    errors.push(errorText(error))
  }
  const does = errors.length > 0 ? [] : ['it would start, and answer about mailboxes']
  return { isUsage: false, errors, warnings, actions: does }
}

/**
 * Warnings about files that cannot be read. They are only opened with the first question, so they
 * do not keep the service from starting.
 */
function unreadableFiles({ limitsFile, users, ldap }: ServiceSettings): string[] {
  const files: readonly (readonly [string, string | undefined])[] = [
    ['QUOTAMAP', limitsFile],
    ...users.map((list) => ['QUOTAUSERS', list.kind === 'ldap' ? undefined : list.file] as const),
    ['QUOTALDAPPASSWORD', ldap?.bind?.passwordFile],
    ['QUOTALDAPCA', ldap?.authorities],
  ]
  return files.flatMap(([name, file]) => {
    if (file === undefined) return []
    try {
      accessSync(file, constants.R_OK)
      return []
    } catch (error) {
      return [`${name} ${file}: ${errorText(error)}; until it can be read nobody is over quota`]
    }
  })
}
