import type { Scanner } from '../scanners/contract/scanner.ts'
import { type ScanResult, worse } from '../scanners/findings/scan-result.ts'
import { runScanners, sampleOf } from '../scanners/run/run-scanners.ts'
import type { ScanRun } from '../scanners/run/scan-run.ts'
import type {
  CachedOrScanned,
  ScanMessage,
  VerdictQuery,
} from '../verdicts/copies/verdict-query.ts'
import type { Deadline } from './context/deadline.ts'
import type { JudgeContext } from './context/judge-context.ts'
import type { StepsByAddress } from './context/steps-by-address.ts'
import type { JudgedMail } from './context/transaction.ts'
import { isToleratedBy, strictnessFor, whatKeepsOut } from './decision/actions.ts'

/** The scanners that a message needs, and the steps that apply to it. */
export interface ScanPlan {
  readonly scanners: readonly Scanner[]
  /** Whether a release from quarantine makes all other scanners unnecessary. */
  readonly isExempt: boolean
  readonly steps: StepsByAddress
  /** The result if the message is not scanned. Its bytes, as they were sent, may be scanned nevertheless. */
  readonly unscanned: ScanResult | undefined
}

/** The scans of one message, which share its time, and what they note about it. */
export class MessageScans {
  readonly notes: string[] = []
  /** The oddities of the message (mail/mime/traits/oddities.ts), if it was read for them. */
  oddities: ReadonlySet<string> = new Set()
  readonly #mail: JudgedMail
  readonly #context: JudgeContext
  readonly #plan: ScanPlan
  readonly #timeLeft: () => number
  readonly #run: Omit<ScanRun, 'scanners' | 'timeout'>

  /** All scans together have the time that the settings grant from now on. */
  constructor(mail: JudgedMail, context: JudgeContext, plan: ScanPlan, deadline: Deadline) {
    const { config, tools } = context
    const { settings, spool } = config
    this.#mail = mail
    this.#context = context
    this.#plan = plan
    this.#timeLeft = deadline.forScans(settings.timeout)
    this.#run = {
      settings,
      spool,
      keepsOut: whatKeepsOut(mail.client, settings, plan.steps),
      isTolerated: isToleratedBy(config),
      strictness: strictnessFor(config),
      uptime: tools.uptime,
      gone: deadline.gone,
      progress: deadline.progress,
      rawOnly: plan.unscanned !== undefined,
      note: (text) => void this.notes.push(text),
    }
    if (plan.unscanned !== undefined && 'why' in plan.unscanned) this.notes.push(plan.unscanned.why)
    if (mail.alternative !== undefined) {
      this.notes.push('read in two ways: the body is a whole message')
    }
  }

  /** Resolves to the cached verdict about a copy, or to the result of the scanners. */
  async cachedOrScanned(): Promise<CachedOrScanned> {
    const { verdicts } = this.#context.tools
    if (verdicts) return verdicts.find(this.#query(), this.#scan)
    return { result: await this.#scan(this.#plan.scanners) }
  }

  #query(): VerdictQuery {
    const { message, outgoing } = this.#mail
    const { settings, cluster } = this.#context.config
    return {
      message,
      isByBytes: !this.#plan.steps.usesVerdicts,
      outgoing,
      scanners: this.#plan.scanners,
      settings,
      timeLeft: this.#timeLeft,
      gone: this.#run.gone,
      isTolerated: this.#run.isTolerated,
      // This host makes no stamp that is older than the cluster accepts.
      maxAge: cluster?.CLUSTERMAXAGE ?? Number.POSITIVE_INFINITY,
    }
  }

  /** Scans the message and, if it has one, its alternative reading. The worse result applies. */
  readonly #scan: ScanMessage = async (scanners, { header, ...more } = {}) => {
    const { message, outgoing, alternative, envelope, client } = this.#mail
    const { origin } = client
    const run = { ...this.#run, scanners, ...more }
    const { scansRaw } = this.#plan.steps
    const sample = sampleOf(message, header ?? outgoing, { envelope, origin, scansRaw })
    // Notes from a scan with another header do not apply to this message.
    const listeners = header === undefined ? this.#listeners() : { note: () => {} }
    const found = await runScanners(sample, { ...run, ...listeners, timeout: this.#timeLeft() })
    const isFinal = found.answer === 'infected' && !run.isTolerated?.(found)
    if (alternative === undefined || isFinal) return found
    const other = sampleOf(alternative, alternative.header, { envelope, origin })
    return worse(await runScanners(other, { ...run, timeout: this.#timeLeft() }), found)
  }

  /** The calls by which a scan of the message itself reports what it meets. */
  #listeners(): Pick<ScanRun, 'onOddities' | 'onToleratedLimit'> {
    return {
      onOddities: (found) => {
        this.oddities = found
      },
      onToleratedLimit: this.#plan.steps.appliesLimits
        ? undefined
        : (why) => void this.notes.push(`passed over in a file: ${why}`),
    }
  }
}
