import { promises } from 'node:fs'
import { AggregateFault } from '../../base/errors/aggregate-fault.ts'
import { errorText, Fault } from '../../base/errors/fault.ts'
import { PolledValue } from '../../base/flow/polled-value.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import type { Environment } from '../../base/process/environment.ts'
import { loadCrypto } from '../../base/runtime/crypto.ts'
import { loadSystem } from '../../base/runtime/system.ts'
import {
  type ControlDirectories,
  HOST_DIRECTORY,
  readControlDirectories,
} from '../../base/settings/control-directories.ts'
import { switchedOff, switchFiles, whyOff } from '../../base/settings/off-switch.ts'
import { readSetting, readSettings } from '../../base/settings/read-settings.ts'
import { attachments } from '../../base/settings/table/banned-attachments.ts'
import { clamAv, clamAvTls, DEFAULT_DATABASE } from '../../base/settings/table/clamav.ts'
import { quarantineLimits } from '../../base/settings/table/quarantine-limits.ts'
import { scanners as scannerSettings } from '../../base/settings/table/scanners.ts'
import type { MessageOptions } from '../../mail/message/message-options.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import {
  type CheckedIdentity,
  checkTlsIdentity,
  type TlsIdentity,
} from '../protocol/clamd/tls-identity.ts'
import {
  type JudgeConfig,
  readScanningConfig,
  withSettings,
} from '../scan/judge/context/judge-config.ts'
import {
  type JudgeContext,
  type LoadedRules,
  messageOptionsFor,
} from '../scan/judge/context/judge-context.ts'
import { countersLine } from '../scan/quota/backends.ts'
import { openQuotaClient, type QuotaClient } from '../scan/quota/quota-client.ts'
import { readQuotaSettings } from '../scan/quota/quota-settings.ts'
import type { Rules } from '../scan/rules/match.ts'
import { loadRules } from '../scan/rules/parse-rules.ts'
import type { Scanner } from '../scan/scanners/contract/scanner.ts'
import { makeScanners } from '../scan/scanners/make-scanners.ts'
import {
  readSignatureFiles,
  type SignatureFiles,
} from '../scan/scanners/signatures/signature-files.ts'
import { HostMemory } from '../scan/verdicts/host-memory.ts'
import {
  openVerdictsBy,
  readVerdictSettings,
  type VerdictSettings,
} from '../scan/verdicts/open-verdicts.ts'

/** The configuration of onescand, which is read at the start, and again at SIGHUP. */
export interface Configuration {
  readonly env: Environment
  /** When it was read, in milliseconds as Date.now(). */
  readonly readAt: number
  readonly directories: ControlDirectories
  /**
   * Why all mail passes unscanned, or undefined if it does not. Each door polls it when a message begins.
   */
  readonly off: PolledValue<string | undefined>
  /** The context for judging mail, or undefined if QHPSI names no scanner: all mail passes then. */
  readonly context: JudgeContext | undefined
  /** The TLS certificate of this host, or undefined if CLAMDCERT is not set. */
  readonly tls: CheckedIdentity | undefined
  /** The options for spooling and reading a message that is judged. */
  readonly messageOptions: MessageOptions
  /** The quota client, with its cache, or undefined if QUOTAD is not set. */
  readonly quota: QuotaClient | undefined
  /** Logs the counters since the configuration was read. */
  report(): void
  /** Frees all resources, when another configuration replaces this one or the daemon ends. */
  close(): void
}

/** Returns the TLS identity of this host. Throws a Fault of kind `config` if it has nothing. */
export function requireIdentity({ tls }: Configuration): TlsIdentity {
  if (tls !== undefined) return tls.identity
  throw new Fault('config', NO_IDENTITY)
}

/** The error if a door cannot listen with TLS. */
export const NO_IDENTITY =
  '--clamd tls: needs a certificate; set CLAMDCERT, CLAMDKEY and CLAMDCA to the paths of its files'

/**
 * Milliseconds for which the files of the signatures are not read again. clamd itself needs about as long to load
 * new signatures, and reading the files costs 0.3 ms of CPU time.
 */
const SIGNATURES_FOR = 10_000

/** What a configuration is opened with. */
interface OpeningContext {
  readonly log: (line: string) => void
  readonly memory: HostMemory
  /** Files and processes that stay open until the configuration is closed. */
  readonly opened: Set<{ close?(): void }>
}

/**
 * Reads keyring and settings, and creates the scanners. Rejects with a Fault of kind `config`, or with
 * an AggregateFault. `log` receives a line if a quota service fails, and the counters. `memory` contains the data
 * that is kept from one configuration to the next.
 */
export async function readConfiguration(
  env: Environment,
  log: (line: string) => void,
  memory: HostMemory = new HostMemory(),
): Promise<Configuration> {
  const opened: OpeningContext['opened'] = new Set()
  const close = () => {
    for (const resource of opened) resource.close?.()
  }
  try {
    return { ...(await openConfiguration(env, { log, memory, opened })), close }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * Reads all settings of onescand, and the files that they name, without opening anything. Throws a Fault
 * of kind `config`.
 */
export function readAllSettings(env: Environment) {
  const config = readScanningConfig(env)
  // Their faults are reported at the start, not at the first sweep or to the first client.
  readSettings(env, quarantineLimits)
  readSetting(env, 'QUARANTINEURL')
  readSetting(env, 'SCANFAIL_CLAMD')
  return {
    config,
    directories: readControlDirectories(env),
    spool: config?.spool ?? readSpoolSettings(env),
    quotaSettings: config === undefined ? readQuotaSettings(env) : config.quota,
    verdictSettings: config && readVerdictSettings(env),
  }
}

async function openConfiguration(
  env: Environment,
  context: OpeningContext,
): Promise<Omit<Configuration, 'close'>> {
  const { log, opened } = context
  const readAt = Date.now()
  const { config, directories, spool, quotaSettings, verdictSettings } = readAllSettings(env)
  const files = readSettings(env, clamAvTls)
  const isTlsSet = Object.values(files).some((path) => path !== undefined)
  const tls = isTlsSet ? await checkTlsIdentity(files) : undefined
  const base = config && verdictSettings && (await openBase(config, verdictSettings, context))
  const lines = base && loadRules(directories.control, HOST_DIRECTORY)
  const rules = lines && (await contextsOfLines(base, lines, env, context))
  const quota = quotaSettings && openQuotaClient(quotaSettings, log)
  if (quota !== undefined) opened.add(quota)
  return {
    env,
    readAt,
    directories,
    off: watchSwitches(directories),
    context: base && { ...base, rules },
    tls,
    messageOptions: base
      ? { ...messageOptionsFor(base.config, base.tools), memoryFiles: loadSystem() }
      : { spool },
    quota,
    report: () => quota && log(countersLine(quota.counters)),
  }
}

/** Makes the scanners for mail to which no line of onescan.policy applies, and opens the memory of verdicts. */
async function openBase(
  config: JudgeConfig,
  verdictSettings: VerdictSettings,
  context: OpeningContext,
): Promise<JudgeContext> {
  const { settings, cluster } = config
  const { log, memory, opened } = context
  const scanners = await makePreparedScanners(settings, context)
  const clocks = await clocksFor(settings.CLAMDBDIR ?? DEFAULT_DATABASE)
  const crypto = await loadCrypto()
  const verdicts = await openVerdictsBy(verdictSettings, cluster, memory, {
    ...clocks,
    crypto,
    log,
    scanTimeout: settings.timeout,
  })
  if (verdicts !== undefined) opened.add(verdicts)
  const tools = { ...clocks, scanners, crypto: (cluster || verdicts) && crypto, verdicts }
  return { config, tools }
}

/**
 * Makes scanners that last until the configuration is closed, and has them ready. `ofHost` are the settings for
 * mail to which no line of onescan.policy applies. Rejects with all faults of those that cannot scan.
 */
async function makePreparedScanners(
  settings: JudgeConfig['settings'],
  { log, memory, opened }: OpeningContext,
  ofHost = settings,
): Promise<readonly Scanner[]> {
  const hasOtherClamd = settings.CLAMD.join('\0') !== ofHost.CLAMD.join('\0')
  const options = { isLasting: true, log, canaries: memory.canaries, hasOtherClamd }
  const scanners = await makeScanners(settings, options)
  const errors: unknown[] = []
  for (const scanner of scanners) {
    opened.add(scanner)
    await scanner.prepare?.().catch((error) => errors.push(error))
  }
  if (errors.length > 1) throw new AggregateFault(errors.map(errorText))
  if (errors.length === 1) throw errors[0]
  return scanners
}

/** The last known files of signature directories, kept across a reload of the settings. */
const seenFiles = new Map<string, SignatureFiles>()

/** Returns the clocks, and the functions that read the age of the signatures in a directory. */
async function clocksFor(directory: string) {
  const before = seenFiles.get(directory)
  const read = async () => {
    const found = await readSignatureFiles(directory, Date.now(), seenFiles.get(directory))
    if (found !== undefined) seenFiles.set(directory, found)
    return found
  }
  const files = new PolledValue<SignatureFiles | undefined>(before, read, SIGNATURES_FOR)
  const lookForSignatures = () => files.poll()
  await lookForSignatures()
  return { signatureFiles: () => files.value, lookForSignatures, now: Date.now, uptime: readUptime }
}

/**
 * Makes the contexts of all lines, by what they set. A line that is about scanners has its own. Rejects with a
 * Fault that names the line of a wrong value.
 */
async function contextsOfLines(
  base: JudgeContext,
  lines: Rules,
  env: Environment,
  context: OpeningContext,
): Promise<LoadedRules> {
  const { all, path } = lines
  const contexts = new Map<string, JudgeContext>()
  for (const { action, line } of all) {
    if (action.kind !== 'set') continue
    const key = JSON.stringify(action.settings)
    if (contexts.has(key)) continue
    try {
      const config = withSettings(base.config, env, action.settings)
      const isAboutScanners = Object.keys(action.settings).some((name) => name in aboutScanners)
      const scanners = isAboutScanners
        ? await makePreparedScanners(config.settings, context, base.config.settings)
        : base.tools.scanners
      contexts.set(key, { config, tools: { ...base.tools, scanners } })
    } catch (error) {
      throw new Fault('config', `${path} line ${line}: ${errorText(error)}`, error)
    }
  }
  return { lines, contextOfLine: (settings) => contexts.get(JSON.stringify(settings))! }
}

/** The settings for creating scanners. */
const aboutScanners: object = { ...scannerSettings, ...clamAv, ...attachments }

/** Milliseconds for which the switch files are not read again, so that a burst of mail reads them rarely. */
const SWITCH_FOR = 20

/** Returns what switchedOff() returns, for a process that lasts and may not wait for the directory. */
function watchSwitches(directories: ControlDirectories): PolledValue<string | undefined> {
  const read = async () => {
    for (const file of switchFiles(directories)) {
      const found = await promises.stat(file).catch(() => undefined)
      if (found !== undefined) return whyOff(file)
    }
    return undefined
  }
  return new PolledValue(switchedOff(directories), read, SWITCH_FOR)
}
