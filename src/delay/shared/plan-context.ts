import { readFileSync } from 'node:fs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { emptyAllowList, readAllowList } from './allow-list.ts'
import { type Dns, openDns } from './dns-resolver.ts'
import { dynamicNames } from './dynamic-names.ts'
import { type NameRule, parseNameRules } from './name-rules.ts'
import type { DelayOptions } from './options.ts'
import type { PlanContext } from './plan.ts'

/** The lists and DNS servers that decide how long clients wait. */
export type PlanSources = Pick<PlanContext, 'allowed' | 'rules'> & { readonly dns: Dns }

/** Reads the lists, and prepares the DNS. Throws a Fault if one of them cannot be used. */
export function loadPlanContext(
  options: DelayOptions,
  env: Environment,
  uptime: () => number,
): PlanSources {
  return {
    allowed: options.allowFile === undefined ? emptyAllowList : readAllowList(options.allowFile),
    rules: [
      ...options.nameFiles.flatMap(readRules),
      ...parseNameRules(dynamicNames, 'built-in names'),
    ],
    dns: openDns(dnsServers(options, env), uptime),
  }
}

function readRules(file: string): NameRule[] {
  let text: string
  try {
    text = readFileSync(file, 'latin1')
  } catch (error) {
    throw new Fault('config', `--names ${file}: ${errorText(error)}`, error)
  }
  return parseNameRules(text, `--names ${file}`)
}

/** The servers of --dns, else of DNSCACHEIP (as in ucspi-tcp). If empty, the system's are asked. */
function dnsServers(options: DelayOptions, env: Environment): readonly string[] {
  if (options.dnsServers.length > 0) return options.dnsServers
  return (env.DNSCACHEIP ?? '').split(/[\s,]+/).filter((server) => server !== '')
}
