import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { attempt } from '../../ground/errors/fault.ts'
import {
  error,
  type Finding,
  marked,
  ok,
  settingsFault,
  shellWord,
  warning,
} from '../../ground/errors/finding.ts'
import { readSettings, type Values } from '../../ground/settings/settings.ts'
import { type QuarantinePlace, treatment } from '../../ground/settings/table/scanning.ts'
import {
  HOST_DIRECTORY,
  hostSwitchFile,
  NOTHING_SCANS,
  switchedOff,
} from '../../scan/judge/policy.ts'
import { loadRules } from '../../scan/rules/load.ts'
import { ruleFiles } from '../../scan/rules/rule.ts'
import { configurationFaults, configurationWarnings } from './configuration-faults.ts'
import type { StageHost } from './stage.ts'

/**
 * Checks whether onescan is switched on, whether all settings can be read, and what they do. Faults
 * come as errors about `settings`.
 */
export async function checkSettings(host: StageHost): Promise<Finding[]> {
  const mark = host.isDaemon ? 'stops the start' : 'nothing scans'
  const faults = (await configurationFaults(host.env)).map((line) =>
    marked(settingsFault(line), mark),
  )
  const first = [...checkSwitch(host), ...faults, ...configurationWarnings(host.env)]
  if (faults.length > 0) return first
  return [...first, ...checkScanner(host), ...checkAnswers(host), ...checkRules(host)]
}

function checkSwitch({ directories }: StageHost): Finding[] {
  const off = switchedOff(directories)
  return [off === undefined ? ok('switch', 'on') : marked(switchFinding(off), 'nothing scans')]
}

/** The finding that the switch of all doors is off; none if it is on. */
export function checkHostSwitch(): Finding[] {
  return existsSync(hostSwitchFile) ? [switchFinding(`${hostSwitchFile} is there`)] : []
}

export function switchFinding(off: string, what = 'switch'): Finding {
  return warning(what, `${off}: all mail passes unscanned`, 'run "onescan enable"')
}

/** Whether the settings name a scanner. The line itself was read before. */
export function checkScanner({ env, isDaemon }: StageHost): Finding[] {
  if (env.QHPSI?.trim()) return [ok('QHPSI', env.QHPSI.trim())]
  if (isDaemon) {
    const value = `${NOTHING_SCANS}: all mail passes unscanned`
    const finding = warning('settings', value, 'set it, as in QHPSI="plugin: clamd"')
    return [{ ...finding, follows: 'nothing scans' }]
  }
  const remedy =
    'set it in tcp.smtp, by envdir or in the run script; give check the same with --env or --envdir'
  return [error('QHPSI', 'is not set here: mail passes unscanned', remedy)]
}

/** The policy by rule, whose lines were read with the settings. */
function checkRules({ directories }: StageHost): Finding[] {
  const rules = loadRules(directories.control, HOST_DIRECTORY)
  if (rules !== undefined) return [ok('policy by rule', `${rules.path}, ${rules.all.length} lines`)]
  return ruleFiles(directories.control, HOST_DIRECTORY).flatMap((right) => {
    const directory = dirname(right)
    const names = attempt(() => readdirSync(directory)) ?? []
    const [other] = names.filter((name) => /policy/i.test(name) && name !== basename(right))
    if (other === undefined) return []
    const path = join(directory, other)
    return [
      warning('policy by rule', `${path} is not read`, `mv ${shellWord(path)} ${shellWord(right)}`),
    ]
  })
}

function keptText(quarantine: QuarantinePlace): string {
  return quarantine.kind === 'hold' ? 'held by the MTA' : `kept in ${quarantine.directory}`
}

/** Says what happens to mail that is infected, and to mail that no scanner could judge. */
function checkAnswers({ env }: StageHost): Finding[] {
  const { REJECTVIRUS, QUARANTINE, VIRUSFORWARD, SCANFAIL, SCANFAIL_RELAY } = readSettings(
    env,
    treatment,
  )
  const does = { tag: 'tagged and delivered', drop: 'dropped', reject: 'refused' }[REJECTVIRUS]
  const infected =
    REJECTVIRUS === 'reject'
      ? does
      : QUARANTINE
        ? keptText(QUARANTINE)
        : VIRUSFORWARD
          ? `sent to ${VIRUSFORWARD}`
          : does
  const isChosen = env.REJECTVIRUS !== undefined || QUARANTINE || VIRUSFORWARD || !env.QHPSI
  const found = isChosen
    ? ok('infected mail', `is ${infected}`)
    : warning('infected mail', `is ${infected}`, 'set REJECTVIRUS=1 to refuse it, or REJECTVIRUS=0')
  return [found, ...checkUnscanned(SCANFAIL, SCANFAIL_RELAY)]
}

type ScanFail = Values<typeof treatment>['SCANFAIL']

function checkUnscanned(others: ScanFail, relayClients: ScanFail = others): Finding[] {
  if (others === 'accept') {
    const value = 'is accepted if the scanners could not tell (SCANFAIL=accept)'
    return [warning('unscanned mail', value, 'unset SCANFAIL to have it deferred')]
  }
  const does = { defer: 'deferred', quarantine: 'kept in QUARANTINE', accept: 'accepted' }
  const but = relayClients === others ? '' : `, but ${does[relayClients]} for relay clients`
  return [ok('unscanned mail', `is ${does[others]}${but}`)]
}
