import { existsSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { HOST_DIRECTORY, hostSwitchFile, switchedOff } from '../../../judge/policy.ts'
import { readSpoolPolicy } from '../../../message/spool-policy.ts'
import {
  type QuarantinePolicy,
  readQuarantinePolicy,
} from '../../../quarantine/quarantine-policy.ts'
import { loadRules } from '../../../rules/load.ts'
import {
  readInfectedPolicy,
  readScanPolicy,
  readUnscannedPolicy,
} from '../../../scan/shared/scan-policy.ts'
import { checkValues } from '../../shared/rule-values.ts'
import { error, type Finding, marked, ok, warning } from '../shared/finding.ts'
import type { Host } from '../shared/host.ts'

/** Checks whether onescan is switched on, and whether its settings can be read. */
export function checkSettings(host: Host): Finding[] {
  return [...checkSwitch(host), ...checkScanner(host), ...checkAnswers(host), ...checkRules(host)]
}

function checkSwitch({ directories }: Host): Finding[] {
  const off = switchedOff(directories)
  return off === undefined ? [ok('switch', 'on')] : [switchFinding(off)]
}

/** The finding that the switch of all doors is off; none if it is on. */
export function checkHostSwitch(): Finding[] {
  return existsSync(hostSwitchFile) ? [switchFinding(`${hostSwitchFile} is there`)] : []
}

export function switchFinding(off: string, what = 'switch'): Finding {
  return warning(what, `${off}: all mail passes unscanned`, 'run "onescan enable"')
}

function checkScanner({ env, directories }: Host): Finding[] {
  try {
    if (readScanPolicy(env, directories) !== undefined) return [ok('QHPSI', env.QHPSI!.trim())]
    const remedy =
      'set it in tcp.smtp, by envdir or in the run script; give check the same with --env or --envdir'
    return [error('QHPSI', 'is not set here: mail passes unscanned', remedy)]
  } catch (thrown) {
    const finding = error('settings', errorText(thrown), 'correct it; until then mail is deferred')
    return [marked(finding, 'nothing scans')]
  }
}

/** Reads all lines of onescan.policy with their values. */
function checkRules({ env, directories }: Host): Finding[] {
  const what = 'policy by rule'
  try {
    const rules = loadRules(directories.control, HOST_DIRECTORY)
    if (rules === undefined) return []
    checkValues(rules, env)
    return [ok(what, `${rules.path}, ${rules.all.length} lines`)]
  } catch (thrown) {
    return [error(what, errorText(thrown), 'correct it; until then mail is deferred')]
  }
}

function keptText(quarantine: QuarantinePolicy): string {
  return quarantine.kind === 'hold' ? 'held by the MTA' : `kept in ${quarantine.directory}`
}

/** Says what happens to mail that is infected, and to mail that no scanner could judge. */
export function checkAnswers({ env }: Host): Finding[] {
  try {
    readSpoolPolicy(env)
    const { action, forward } = readInfectedPolicy(env)
    const does = { tag: 'tagged and delivered', drop: 'dropped', reject: 'refused' }[action]
    const quarantine = readQuarantinePolicy(env)
    const infected =
      action === 'reject'
        ? does
        : quarantine
          ? keptText(quarantine)
          : forward
            ? `sent to ${forward}`
            : does
    return [ok('infected mail', `is ${infected}`), ...checkUnscanned(readUnscannedPolicy(env))]
  } catch (thrown) {
    const finding = error('settings', errorText(thrown), 'correct it; until then mail is deferred')
    return [marked(finding, 'nothing scans')]
  }
}

function checkUnscanned(policy: ReturnType<typeof readUnscannedPolicy>): Finding[] {
  const { others, relayClients } = policy
  if (others === 'accept') {
    const value = 'is accepted if the scanners could not tell (SCANFAIL=accept)'
    return [warning('unscanned mail', value, 'unset SCANFAIL to have it deferred')]
  }
  const does = { defer: 'deferred', quarantine: 'kept in QUARANTINE', accept: 'accepted' }
  const but = relayClients === others ? '' : `, but ${does[relayClients]} for relay clients`
  return [ok('unscanned mail', `is ${does[others]}${but}`)]
}
