import { digestsFor } from '../../cluster/digests.ts'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { keepFor } from '../../ground/flow/keep-for.ts'
import {
  loadPassedDescriptors,
  type PassedDescriptors,
} from '../../ground/net/passed-descriptors.ts'
import { loadCrypto } from '../../ground/runtime/crypto.ts'
import { readText } from '../../ground/settings/read.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { clamAv, scanners as scannerSettings } from '../../ground/settings/table/scanning.ts'
import {
  type ControlDirectories,
  HOST_DIRECTORY,
  type Policy,
  readControlDirectories,
  readScanningPolicy,
  withSettings,
} from '../../judge/policy.ts'
import type { Tools } from '../../judge/tools.ts'
import type { DigestsWanted } from '../../message/canonical-body.ts'
import type { Header } from '../../message/header-block.ts'
import { readQuarantineLimits } from '../../quarantine/quarantine-policy.ts'
import { countersLine } from '../../quota/ask/counters.ts'
import type { QuotaClient } from '../../quota/ask/quota-client.ts'
import { openQuotaClient } from '../../quota/ask/quota-client.ts'
import { readQuotaSettings } from '../../quota/ask/quota-settings.ts'
import { loadRules } from '../../rules/load.ts'
import type { Rules } from '../../rules/match.ts'
import { makeScanners } from '../../scan/scanners.ts'
import type { QhpsiLine } from '../../scan/shared/scan-policy.ts'
import type { Scanner } from '../../scan/shared/scanner.ts'
import { readSignatureFiles, type SignatureFiles } from '../../scan/shared/signature-files.ts'
import { HostMemory } from '../../verdicts/host-memory.ts'
import { openVerdictsBy } from '../../verdicts/open.ts'
import { readVerdictPolicy } from '../../verdicts/verdicts-policy.ts'
import type { ByRule } from './settle.ts'

/** What onescand judges by. It reads it at its start, and again at SIGHUP. */
export interface Configuration {
  readonly env: Environment
  /** When it was read, in milliseconds as Date.now(). */
  readonly readAt: number
  readonly directories: ControlDirectories
  /** Undefined if QHPSI is not set: all mail passes. */
  readonly policy: Policy | undefined
  readonly tools: Omit<Tools, 'scanners'>
  /** Files in memory for large messages; undefined if this runtime has none. */
  readonly memoryFiles?: PassedDescriptors | undefined
  /** The digests of a body that the judgement will need, by the header above it. */
  digestsFor(header: Header): DigestsWanted
  /**
   * The client that asks whether a mailbox has room, with its cache; undefined if QUOTAD is not
   * set.
   */
  readonly quota: QuotaClient | undefined
  /** Returns the scanners of a QHPSI line that names no plugins but the daemon's own. */
  scannersFor(line: QhpsiLine): readonly Scanner[]
  /** The site's policy by rule, if there is one. */
  readonly rules: Rules | undefined
  /** Returns the daemon's policy with what a line of these rules sets. */
  byRule(settings: Readonly<Record<string, string>>): ByRule
  /** Changes a policy for one door; undefined if the door changes nothing. */
  readonly adapt?: (policy: Policy) => Policy
  /** Logs the counters since the configuration was read. */
  report(): void
  /** Frees everything, when another configuration takes its place or the daemon ends. */
  close(): void
}

/**
 * Milliseconds before the date of the signatures is looked up again: listing a directory for each
 * of a hundred messages a second would be too much.
 */
const SIGNATURES_FOR = 1000

/**
 * Reads keyring and settings, and makes the scanners. Rejects with a Fault of kind `config`. `log`
 * gets a line if a service for quotas fails, and the counters. `memory` holds what is kept from one
 * configuration to the next.
 */
export async function readConfiguration(
  env: Environment,
  log: (line: string) => void,
  memory: HostMemory = new HostMemory(),
): Promise<Configuration> {
  const readAt = Date.now()
  const policy = readScanningPolicy(env)
  readQuarantineLimits(env) // a wrong limit is a fault of the start, not of the first sweep
  const scanners = policy ? await makeScanners(policy.scan, { lasting: true, tell: log }) : []
  for (const scanner of scanners) await scanner.prepare?.()
  const names = policy?.scan.line.kind === 'plugins' ? policy.scan.line.names : undefined
  const byName = new Map(names?.map((name, index) => [name, scanners[index]!]))
  const keys = policy?.cluster?.keys ?? []
  const clocks = clocksFor(readText(env, 'CLAMDBDIR'))
  const crypto = await loadCrypto()
  const verdicts =
    policy &&
    (await openVerdictsBy(readVerdictPolicy(env), keys, memory, {
      ...clocks,
      crypto,
      log,
      scanTimeout: policy.scan.timeout,
    }))
  const rules = policy && loadRules(readControlDirectories(env).control, HOST_DIRECTORY)
  const byRule = policy && rules ? await prepareRules(policy, rules, env, log) : new Map()
  const quotaSettings = readQuotaSettings(env)
  const quota = quotaSettings && openQuotaClient(quotaSettings, log)
  const report = () => quota && log(countersLine(quota.counters))
  return {
    env,
    readAt,
    directories: readControlDirectories(env),
    policy,
    tools: {
      ...clocks,
      crypto: (policy?.cluster || verdicts) && crypto,
      verdicts,
    },
    memoryFiles: policy && (await loadPassedDescriptors()),
    digestsFor(header) {
      const wanted = digestsFor(header, keys, Date.now() / 1000)
      return verdicts === undefined ? wanted : { ...wanted, sha256: true }
    },
    quota,
    scannersFor: (line) =>
      line.kind === 'command' ? scanners : line.names.map((name) => byName.get(name)!),
    rules,
    byRule: (settings) => byRule.get(JSON.stringify(settings))!,
    report,
    close() {
      for (const { scanners } of byRule.values())
        for (const scanner of scanners ?? []) scanner.close?.()
      quota?.close()
      verdicts?.close()
      for (const scanner of scanners) scanner.close?.()
    },
  }
}

/** What this process saw last in directories of signatures, also before it read its settings anew. */
const seenFiles = new Map<string, SignatureFiles>()

/** Makes the clocks, and what says how old the signatures in a directory are. */
function clocksFor(directory: string) {
  const uptime = () => performance.now()
  const read = () => {
    const files = readSignatureFiles(directory, Date.now(), seenFiles.get(directory))
    if (files !== undefined) seenFiles.set(directory, files)
    return files
  }
  return { signatureFiles: keepFor(SIGNATURES_FOR, uptime, read), now: Date.now, uptime }
}

/**
 * Makes the policies of all lines, by what they set. Throws a Fault that names the line of a wrong
 * value.
 */
async function prepareRules(
  base: Policy,
  { all, path }: Rules,
  env: Environment,
  log: (line: string) => void,
): Promise<Map<string, ByRule>> {
  const prepared = new Map<string, ByRule>()
  for (const { action, line } of all) {
    if (action.kind !== 'set') continue
    const key = JSON.stringify(action.settings)
    if (prepared.has(key)) continue
    try {
      const policy = withSettings(base, env, action.settings)
      const isAboutScanners = Object.keys(action.settings).some((name) => name in aboutScanners)
      const scanners = isAboutScanners
        ? await makeScanners(policy.scan, { lasting: true, tell: log })
        : undefined
      for (const scanner of scanners ?? []) await scanner.prepare?.()
      prepared.set(key, { policy, scanners })
    } catch (error) {
      throw new Fault('config', `${path} line ${line}: ${errorText(error)}`, error)
    }
  }
  return prepared
}

/** The settings by which scanners are made. */
const aboutScanners: object = { ...scannerSettings, ...clamAv }
