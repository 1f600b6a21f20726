import { errorText } from '../../../../base/errors/fault.ts'
import { LruCache } from '../../../../base/flow/cache.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { readSetting, whyLaxer } from '../../../../base/settings/read-settings.ts'
import type { FromClient } from '../../../../base/settings/table/kinds.ts'
import type { QhpsiLine } from '../../../../base/settings/table/scanners.ts'
import {
  fromClientOf,
  type SettingName,
  settingNames,
  settingTable,
} from '../../../../base/settings/table.ts'
import type { Configuration } from '../../../configuration/configuration.ts'
import {
  NOTHING_SCANS,
  readMailSettings,
  withSettings,
} from '../../../scan/judge/context/judge-config.ts'
import type { JudgeContext } from '../../../scan/judge/context/judge-context.ts'
import { readQuotaSettings } from '../../../scan/quota/quota-settings.ts'
import type { Scanner } from '../../../scan/scanners/contract/scanner.ts'
import { type ErrorReport, statedErrorReport } from '../error-report.ts'
import { ScanStandalone } from './scan-standalone.ts'

/** The settings for the mail of one client. */
interface ClientContext {
  /** Undefined if the client has no QHPSI: its mail passes, as it would without onescand. */
  readonly context: JudgeContext | undefined
  /** Whether quotas are checked although nothing is scanned. */
  readonly asksQuota: boolean
  /** How the client forwards replies. The request states whether it can. */
  readonly errorReport: ErrorReport
}

type Variables = ReadonlyMap<string, string>

const namesOf = (kind: FromClient) =>
  settingNames.filter((name) => settingTable[name].fromClient === kind)
const overridingNames = namesOf('overrides')
const tighteningNames = namesOf('may tighten')
const checkedNames = namesOf('checked only')

/** Upper limit for the cached environments of clients. Hosts have a handful. */
const CACHED_MAX = 100
/**
 * Upper limit for the characters of a cached one. A longer one is charged to its request alone, and freed
 * with it: a client may send 16 MiB with each message.
 */
const CACHED_LENGTH_MAX = 16 * 1024

/** The contexts of all clients under one configuration. */
export class ClientContexts {
  readonly #configuration: Configuration
  /** Contexts by the client's variables. They are immutable and not specific to a message. */
  readonly #contexts = new LruCache<ClientContext>(CACHED_MAX)

  constructor(configuration: Configuration) {
    this.#configuration = configuration
  }

  /**
   * Returns the context for a client: the daemon's own, with the settings that a client may set (onescan-interfaces(7),
   * QMAIL). Throws ScanStandalone for any other difference. The standalone program then uses the client's own
   * environment, with the client's own rights to the keyring.
   */
  get(variables: Variables): ClientContext {
    const make = () => makeOrScanStandalone(this.#configuration, variables)
    let key = ''
    for (const [name, value] of variables) {
      if (selectsContext(fromClientOf(name))) key += `${name}=${value}\0` // no variable holds a NUL
    }
    if (key.length > CACHED_LENGTH_MAX) return make()
    const known = this.#contexts.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#contexts.set(key, made)
    return made
  }
}

/** Returns whether a variable affects the configuration, and not the message or the client's own work. */
const selectsContext = (kind: FromClient) => kind !== undefined && kind !== 'about message'

/**
 * Converts any error to ScanStandalone: the standalone program reports a wrong setting of the client, and answers for
 * it.
 */
function makeOrScanStandalone(configuration: Configuration, variables: Variables): ClientContext {
  try {
    return makeClientContext(configuration, variables)
  } catch (error) {
    throw error instanceof ScanStandalone ? error : new ScanStandalone(errorText(error))
  }
}

function makeClientContext(configuration: Configuration, variables: Variables): ClientContext {
  const theirs: Environment = Object.fromEntries(variables)
  const asksQuota = Boolean(theirs.QUOTAD)
  const common = { asksQuota, errorReport: statedErrorReport(theirs) }
  checkQuotaSettings(configuration.env, theirs)
  if (readSetting(theirs, 'QHPSI') === undefined) {
    if (asksQuota) {
      for (const name of ['QUOTAD', 'BOUNCEUSER']) {
        requireEqual(name, configuration.env, theirs[name])
      }
    }
    return { ...common, context: undefined }
  }
  for (const [name, value] of variables) {
    if (fromClientOf(name) === 'must match') requireEqual(name, configuration.env, value)
  }
  const { context } = configuration
  if (context === undefined) throw new ScanStandalone(`${NOTHING_SCANS} for the daemon`)
  return { ...common, context: contextWith(context, configuration, theirs) }
}

/**
 * Throws if the client's settings about quotas are wrong. They are not used, but wrong ones defer
 * mail without onescand, too.
 */
function checkQuotaSettings(own: Environment, theirs: Environment): void {
  if (!theirs.QUOTAD) return
  const ways = Object.fromEntries(checkedNames.map((name) => [name, theirs[name]]))
  readQuotaSettings({ ...own, ...ways, QUOTAD: theirs.QUOTAD })
}

/**
 * Throws ScanStandalone if the client's value is not the daemon's. An empty one counts as unset, so the daemon's value applies.
 */
function requireEqual(name: string, own: Environment, value: string | undefined): void {
  if (value && own[name] !== value) throw new ScanStandalone(`${name} differs from the daemon's`)
}

/** The daemon's scanners that the settings of a client name. */
function scannersOf(scanners: readonly Scanner[], line: QhpsiLine): readonly Scanner[] {
  if (line.kind === 'command') return scanners
  return line.names.map((named) => scanners.find(({ name }) => name === named)!)
}

/** Returns the daemon's context with the settings that the client may set, and the scanners that these name. */
function contextWith(
  { config: own, tools: ownTools, rules }: JudgeContext,
  { env, directories, quota }: Configuration,
  theirs: Environment,
): JudgeContext {
  const merged: Record<string, string | undefined> = { ...env }
  // An empty value that overrides means the default. An empty one that may tighten leaves the daemon's in place.
  for (const name of overridingNames) merged[name] = theirs[name] ?? env[name]
  for (const name of tighteningNames) merged[name] = theirs[name] || env[name]
  // Without a QUARANTINE of the client no message is kept: the client would not know that.
  merged.QUARANTINE = theirs.QUARANTINE
  const settings = readMailSettings(merged, directories)! // the client's QHPSI is there
  requireStrict(settings, own.settings)
  const config = { ...own, settings }
  // Not those of the client's line alone: BADATTACHMENTS may add one.
  const scanners = scannersOf(ownTools.scanners, settings.QHPSI)
  const tools = { ...ownTools, quota }
  return {
    config,
    tools: { ...tools, scanners },
    rules: rules && {
      lines: rules.lines,
      async contextOfLine(lineSettings) {
        const { scanners: ofLine } = (await rules.contextOfLine(lineSettings)).tools
        return {
          config: withSettings(config, merged, lineSettings),
          // If the line names no scanners, its context has the daemon's: those of the client replace them.
          tools: { ...tools, scanners: ofLine === tools.scanners ? scanners : ofLine },
        }
      },
    },
  }
}

type BySetting = Readonly<Partial<Record<SettingName, unknown>>>

/** Throws ScanStandalone if a setting of the client's is laxer than the daemon's. */
function requireStrict(theirs: BySetting, own: BySetting): void {
  for (const name of tighteningNames) {
    const reason = whyLaxer(name, theirs[name], own[name])
    if (reason !== undefined) throw new ScanStandalone(`${name} ${reason}`)
  }
}
