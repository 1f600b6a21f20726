import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import {
  type CheckLine,
  failure,
  following,
  marked,
  ok,
  settingsFault,
  warning,
} from '../../base/check/check-line.ts'
import { attempt } from '../../base/errors/fault.ts'
import type { Environment } from '../../base/process/environment.ts'
import { HOST_DIRECTORY } from '../../base/settings/control-directories.ts'
import { everyFault, lineEndFaults } from '../../base/settings/faults.ts'
import { misspeltSettings } from '../../base/settings/misspelt.ts'
import { hostSwitchFile, switchedOff } from '../../base/settings/off-switch.ts'
import { readSetting, readSettings, type Values } from '../../base/settings/read-settings.ts'
import type { FindingRule } from '../../base/settings/table/findings.ts'
import { infectedMail } from '../../base/settings/table/infected-mail.ts'
import { namesScanners } from '../../base/settings/table/scanners.ts'
import { mailSettings, settingNames } from '../../base/settings/table.ts'
import { shellWord } from '../../base/text/shell-word.ts'
import { readAllSettings, readConfiguration } from '../configuration/configuration.ts'
import { NOTHING_SCANS, settingThatQuarantines } from '../scan/judge/context/judge-config.ts'
import { actionForInfected } from '../scan/judge/decision/actions.ts'
import { loadRules } from '../scan/rules/parse-rules.ts'
import { ruleFiles } from '../scan/rules/rule.ts'
import { readAttachmentRules } from '../scan/scanners/attachments/attachment-rules.ts'
import { type CheckedHost, inSettingsOf } from './host/checked-host.ts'
import { passesByRules, passesBySettings, unscannedMailIs } from './host/passes-unscanned.ts'

/**
 * Checks whether onescan is switched on, whether all settings can be read, and reports their effect. Faults
 * are errors about `settings`.
 */
export async function checkSettings(host: CheckedHost): Promise<CheckLine[]> {
  const mark = host.isDaemon ? 'stops the start' : 'nothing scans'
  const faults = (await configurationFaults(host.env)).map((line) =>
    marked(inPlace(host, settingsFault(line)), mark, 'unreadable settings'),
  )
  const inHost = (checkLine: CheckLine) => inPlace(host, checkLine)
  const first = [
    checkSwitch(host.directories) ?? ok('scanning', 'not disabled'),
    ...faults,
    ...configurationWarnings(host).map(inHost),
  ]
  if (faults.length > 0) return first
  const ofSettings = [...checkQhpsi(host), ...checkAnswers(host)].map(inHost)
  return [...first, ...ofSettings, ...checkRules(host)]
}

/** Adds to a remedy that changes a setting, `set SCANFAIL=defer`, where that is done. */
function inPlace(host: CheckedHost, checkLine: CheckLine): CheckLine {
  const { remedy = '', value } = checkLine
  if (remedy === 'correct this setting') return { ...checkLine, remedy: howToCorrect(host, value) }
  return /^(?:un)?set [A-Z]/.test(remedy)
    ? { ...checkLine, remedy: inSettingsOf(host, remedy) }
    : checkLine
}

/**
 * Returns the remedy for a setting that cannot be read. Rules, keys and names of attachments are in files of their own, whose
 * line is named: `/…/policy line 4: …`, `CLUSTERKEYS /…/clusterkeys: line 1 …`. That onescand has not read it since is another
 * check line.
 */
export function howToCorrect(host: Pick<CheckedHost, 'isDaemon'>, value: string): string {
  return /^(?:[A-Z]+ )?\/.* line \d/.test(value)
    ? 'correct this line'
    : inSettingsOf(host, 'correct this setting')
}

/** The check line that all mail passes unscanned: scanning is disabled, or no scanner is named. */
export function nothingScans({
  env,
  directories,
}: Pick<CheckedHost, 'env' | 'directories'>): CheckLine | undefined {
  const off = checkSwitch(directories)
  if (off !== undefined) return off
  return namesScanners(env.QHPSI) ? undefined : unset
}

const unset = following(
  warning(
    'settings',
    `${NOTHING_SCANS}: all mail is accepted unscanned`,
    'set QHPSI="plugin: clamd"',
  ),
  'nothing scans',
)

/** Returns the check line that scanning is disabled at all doors, or an empty list if it is not. */
export function checkHostSwitch(): CheckLine[] {
  return existsSync(hostSwitchFile) ? [switchLine(`${hostSwitchFile} exists`)] : []
}

function switchLine(off: string): CheckLine {
  return warning('scanning', `${off}: all mail is accepted unscanned`, 'onescan enable')
}

function checkSwitch(directories: CheckedHost['directories']): CheckLine | undefined {
  const off = switchedOff(directories)
  return off === undefined ? undefined : marked(switchLine(off), 'nothing scans')
}

/** Returns a warning if FINDINGS lets every virus in, whatever is done with infected mail. */
function everyVirus(env: Environment): CheckLine[] {
  const isOfAll = ({ finding }: FindingRule) =>
    typeof finding === 'object' && /^\*+$/.test(finding.pattern)
  const { action = 'virus' } = readSetting(env, 'FINDINGS').find(isOfAll) ?? {}
  if (action !== 'accept' && action !== 'tag') return []
  const value = `has *=${action}, so mail with a virus is delivered`
  return [warning('FINDINGS', value, 'set FINDINGS without *, such as "PUA.Win.*=accept",')]
}

/** Returns check lines whether the settings name a scanner. The line itself was read before. */
function checkQhpsi({ env, isDaemon }: CheckedHost): CheckLine[] {
  const line = env.QHPSI?.trim() ?? ''
  if (namesScanners(line))
    return [findsTestFileAlone(line) ? testFileAlone(line) : ok('QHPSI', line)]
  if (isDaemon) return [unset]
  const remedy =
    'set QHPSI="plugin: clamd", or, if an envdir sets it, run onescan check --envdir DIRECTORY'
  return [failure('QHPSI', `is ${line || 'not set here'}, so mail is accepted unscanned`, remedy)]
}

/** Returns whether the plugin is the only one, which finds the test file and nothing else. */
const findsTestFileAlone = (line: string) => /^plugin:\s*eicar$/.test(line)

const testFileAlone = (line: string) =>
  warning(
    'QHPSI',
    `${line} finds only the EICAR test file, so every virus is accepted`,
    'set QHPSI to a scanner, such as "plugin: clamd",',
  )

/** The rules, which were read with the settings. */
function checkRules({ directories }: CheckedHost): CheckLine[] {
  const rules = loadRules(directories.control, HOST_DIRECTORY)
  if (rules !== undefined) {
    const found = passesByRules(rules)
    return found.length > 0 ? found : [ok('rules', `${rules.path}, ${rules.all.length} lines`)]
  }
  return ruleFiles(directories.control, HOST_DIRECTORY).flatMap((right) => {
    const directory = dirname(right)
    const names = attempt(() => readdirSync(directory)) ?? []
    const [other] = names.filter((name) => /policy/i.test(name) && name !== basename(right))
    if (other === undefined) return []
    const path = join(directory, other)
    return [warning('rules', `${path} is not read`, `mv ${shellWord(path)} ${shellWord(right)}`)]
  })
}

/** Reports what happens to mail that is infected, and to mail that no scanner could judge. */
function checkAnswers({ env, hasQueuedMail = false }: CheckedHost): CheckLine[] {
  const settings = readSettings(env, infectedMail)
  const { QUARANTINE, VIRUSFORWARD } = settings
  const SCANFAIL = readSetting(env, 'SCANFAIL')
  const infected = describeInfectedMail(settings)
  const ofQueue = describeInfectedMail(settings, hasQueuedMail)
  const differs =
    ofQueue === infected ? '' : `, and ${ofQueue} if it comes from a queue (--after-queue)`
  const refuses = hasQueuedMail
    ? 'QUARANTINE to keep infected mail back'
    : 'REJECTVIRUS="1" to refuse infected mail'
  const isChosen =
    env.REJECTVIRUS !== undefined || QUARANTINE || VIRUSFORWARD || !namesScanners(env.QHPSI)
  const found = isChosen
    ? ok('infected mail', `is ${infected}${differs}`)
    : marked(
        warning(
          'infected mail',
          `is ${infected}`,
          `set ${refuses}, or REJECTVIRUS="0" to tag it without this warning,`,
        ),
        'infected mail by default',
      )
  const answers = [found, ...everyVirus(env)]
  if (SCANFAIL !== 'accept') return [...answers, ok('unscanned mail', `is ${unscannedMailIs(env)}`)]
  const value = "is accepted if the scanners' result is unknown (SCANFAIL=accept)"
  return [...answers, warning('unscanned mail', value, 'set SCANFAIL=defer')]
}

/** Returns the handling of infected mail, as text. */
function describeInfectedMail(settings: Values<typeof infectedMail>, isQueued = false): string {
  const infected = actionForInfected(settings, { isBounceInjector: false, isQueued })
  switch (infected.action) {
    case 'refuse':
      return 'refused'
    case 'quarantine':
      return infected.quarantine.kind === 'directory'
        ? `quarantined in ${infected.quarantine.directory}`
        : 'put on hold by the mail server'
    case 'forward':
      return `sent to ${infected.address}`
    case 'drop':
      return 'dropped'
    case 'tag':
      return 'tagged and delivered'
  }
}

/** Resolves to a line for each setting, or file that it names, that cannot be read. */
export const unreadableSettings = (env: Environment): Promise<string[]> =>
  everyFault(env, readAllSettings)

/**
 * Resolves to a line for each fault that keeps onescand from starting with these settings. It neither
 * listens nor scans.
 */
async function configurationFaults(env: Environment): Promise<string[]> {
  const endings = lineEndFaults(env)
  const faults = await everyFault(endings.length > 0 ? withoutEndings(env) : env, async (tried) =>
    (await readConfiguration(tried, () => {})).close(),
  )
  return [...new Set([...endings, ...faults])]
}

function withoutEndings(env: Environment): Environment {
  const plain = settingNames.flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value.replace(/\r$/, '')] as const]
  })
  return { ...env, ...Object.fromEntries(plain) }
}

/** Returns the file of bans that only the plugin attachments would read. Names in its place enable the plugin. */
function unreadBans(env: Environment): string | undefined {
  // Wrong values are reported elsewhere.
  const scanners = attempt(() => readSetting(env, 'QHPSI'))
  const bans = attempt(() => readSetting(env, 'BADATTACHMENTS'))
  if (scanners === undefined || bans === undefined || !('file' in bans)) return undefined
  const isRead = scanners.kind === 'plugins' && scanners.names.includes('attachments')
  return isRead || env.ARCHIVEBANS === 'on' ? undefined : bans.file
}

/** A name and a type that no list bans by themselves. */
const ANY_NAME = 'onescan-check.any'
const ANY_TYPE = 'application/vnd.onescan-check'

/** Returns whether the bans are for each attachment. */
function bansAll(env: Environment): boolean {
  const by = attempt(() => readSetting(env, 'BADATTACHMENTS'))
  const rules = by && attempt(() => readAttachmentRules(by))
  return rules !== undefined && (rules.bansName(ANY_NAME) || rules.bansType(ANY_TYPE))
}

/** Warns of each setting that is valid but probably a mistake. */
function configurationWarnings({ env, hasQueuedMail }: CheckedHost): CheckLine[] {
  const { QHPSI, REJECTVIRUS, QUARANTINE, VIRUSFORWARD, CLUSTERMAXAGE = '', SECONDLOOK } = env
  const settings = attempt(() => readSettings(env, mailSettings))
  const isRefused = settings?.REJECTVIRUS === 'refuse'
  const keepsOthers = settings !== undefined && settingThatQuarantines(settings) !== undefined
  const inVain = `has no effect: REJECTVIRUS=${REJECTVIRUS} refuses infected mail first`
  const bans = unreadBans(env)
  const mistakes: readonly (readonly [isMade: unknown, ...about: Parameters<typeof warning>])[] = [
    [VIRUSFORWARD && isRefused, 'VIRUSFORWARD', inVain, 'unset REJECTVIRUS or VIRUSFORWARD'],
    [QUARANTINE && isRefused && !keepsOthers, 'QUARANTINE', inVain, 'unset REJECTVIRUS'],
    [
      QUARANTINE && VIRUSFORWARD,
      'VIRUSFORWARD',
      'has no effect: QUARANTINE takes precedence',
      'unset VIRUSFORWARD',
    ],
    [
      /^0+$/.test(CLUSTERMAXAGE),
      'CLUSTERMAXAGE',
      'is 0, so every hmac-sha256 stamp is too old, and all mail is scanned again',
      'unset CLUSTERMAXAGE',
    ],
    [
      namesScanners(QHPSI) && SECONDLOOK === 'never',
      'SECONDLOOK',
      'is never, so files that only mail clients extract are not scanned',
      'unset SECONDLOOK',
    ],
    [
      bans,
      'BADATTACHMENTS',
      `${bans} bans nothing, since QHPSI does not list the plugin attachments`,
      'set QHPSI with the plugin attachments, such as "plugin: clamd attachments"',
    ],
    [
      bans === undefined && bansAll(env),
      'BADATTACHMENTS',
      'bans every attachment, so mail with any file is refused',
      'set BADATTACHMENTS to the files that you ban, such as "*.exe *.scr"',
    ],
  ]
  const found = mistakes.flatMap(([isMade, ...about]) => (isMade ? [warning(...about)] : []))
  return [...misspeltSettings(env), ...found, ...passesBySettings(env, hasQueuedMail)]
}
