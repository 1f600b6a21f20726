import { accessSync, constants } from 'node:fs'
import { errorText } from '../../ground/errors/fault.ts'
import { type Finding, marked, ok, settingsFault, warning } from '../../ground/errors/finding.ts'
import { everyFault, Faults, lineEndFaults } from '../../ground/settings/faults.ts'
import { misspeltSettings } from '../../ground/settings/misspelt-settings.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { openLookup } from './lookup.ts'
import { readOptions } from './options.ts'
import { ownStatus, requireFewPrivileges } from './privileges.ts'
import { readServiceSettings, type ServiceSettings } from './service-settings.ts'

/** What onescan-quotad would find at its start. */
export interface QuotadStart {
  /** Whether an option is wrong, so that no later start can succeed. */
  readonly isUsage: boolean
  readonly findings: readonly Finding[]
}

/**
 * Makes the steps of onescan-quotad's start up to its sockets, and reports all faults together. It opens no socket and asks no other service.
 */
export async function checkStart(words: readonly string[], env: Environment): Promise<QuotadStart> {
  const faults = new Faults()
  const options = faults.attempt(() => readOptions(words), undefined)
  const errors = [...faults.lines, ...lineEndFaults(env), ...everyFault(env, readServiceSettings)]
  const findings = [...misspeltSettings(env), ...errors.map(stopsStart)]
  if (options === undefined || errors.length > 0) {
    return { isUsage: options === undefined, findings }
  }
  const settings = readServiceSettings(env)
  try {
    await openLookup(settings, { now: Date.now, uptime: () => performance.now() })
    requireFewPrivileges(process.getuid!(), ownStatus())
    const does = ok('settings', 'it would start, and answer about mailboxes')
    return { isUsage: false, findings: [...findings, does, ...unreadableFiles(settings)] }
  } catch (error) {
    return { isUsage: false, findings: [...findings, stopsStart(errorText(error))] }
  }
}

const stopsStart = (line: string) => marked(settingsFault(line), 'stops the start')

/**
 * Warnings about files that cannot be read. They are only opened with the first question, so they
 * do not keep the service from starting.
 */
function unreadableFiles({ limitsFile, users, ldap }: ServiceSettings): Finding[] {
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
      const value = `${name} ${file}: ${errorText(error)}`
      return [warning('settings', value, 'until it can be read nobody is over quota')]
    }
  })
}
