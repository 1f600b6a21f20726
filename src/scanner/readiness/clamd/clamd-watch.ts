import { type CheckLine, inOneLine, warning } from '../../../base/check/check-line.ts'
import { errorText } from '../../../base/errors/fault.ts'
import { type RepeatedWork, repeat } from '../../../base/flow/repeat.ts'
import { loadSystem } from '../../../base/runtime/system.ts'
import type { ClamdState } from '../../observe/live/process-report.ts'
import type { CanaryEvent } from '../../scan/scanners/clamd/canary.ts'
import { type ClamdAddress, clamdAddressesOf } from '../../scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { type ClamdOutcome, ClamdSession } from '../../scan/scanners/clamd/session.ts'
import type { ScanSettings } from '../../scan/scanners/contract/scan-settings.ts'
import { askVersion } from './check-clamd.ts'
import { checkAlert, checkCanary, checkDepth } from './clamd-limits.ts'
import { signaturesOf } from './clamd-signatures.ts'

/** Milliseconds between two rounds of requests. */
const ROUND_EVERY = 15_000
/** The number of rounds until a server's limits are tested again: it logs each test. */
const LIMITS_AFTER = 4
/**
 * Milliseconds for the answer about limits. Both it and the answer to VERSION come before the next
 * round.
 */
const LIMITS_TIMEOUT = 10_000

/** What is known of a server. */
interface KnownClamd {
  readonly state: ClamdState
  /** A conversation that lasts, so that a restart ends it. */
  readonly session: ClamdSession
  /** The number of conversations so far. */
  readonly sessions: number
  /** The check line about the test virus, or undefined if it has not answered yet. */
  canary: CheckLine | undefined
  /** The check line about mail over its limits, or undefined if it has not answered yet. */
  alert: CheckLine | undefined
  /** The check line about how deep it scans, and the conversation in which it answered. */
  depth: { readonly checkLine: CheckLine; readonly of: number } | undefined
  /** The rounds until it is asked about them again. */
  wait: number
}

/** Called with whether a server finds the test virus, and when it may have been restarted. */
interface ClamdListener {
  readonly onCanary?: (event: CanaryEvent) => void
  readonly onRestart?: () => void
}

const DEAF: Required<ClamdListener> = {
  onCanary() {},
  onRestart() {},
}

/**
 * Checks every 15 seconds whether each server of the plugin clamd answers, and how old its signatures are.
 * Every minute, and when the server comes back, tests whether it finds the test virus, which `onCanary` receives, and
 * whether it reports mail that it did not fully scan (AlertExceedsMax). The log gets a line if a server does not, and when
 * it does again. A server that does not answer in the first round is logged, and when it answers; later failures are
 * reported by scans.
 *
 * `onRestart` is called when the conversation with a server breaks, and when it answers again: it may have other settings
 * now.
 */
export class ClamdWatch {
  readonly #settings: () => ScanSettings | undefined
  readonly #log: (line: string) => void
  readonly #listener: Required<ClamdListener>
  readonly #asking: RepeatedWork
  #known: ReadonlyMap<string, KnownClamd> = new Map()
  /** The servers that have not answered since they were first asked. */
  readonly #absent = new Set<string>()

  /** `settings` are those of the moment: a reload may name other servers. */
  constructor(
    settings: () => ScanSettings | undefined,
    log: (line: string) => void,
    { every = ROUND_EVERY, ...listener }: ClamdListener & { readonly every?: number } = {},
  ) {
    this.#settings = settings
    this.#log = log
    this.#listener = { ...DEAF, ...listener }
    this.#asking = repeat(
      every,
      (stopped) => this.#askAll(stopped),
      (error) => log(`clamd: ${errorText(error)}`),
    )
  }

  /** Resolves when all servers have been asked once. */
  get asked(): Promise<void> {
    return this.#asking.firstRun
  }

  get states(): readonly ClamdState[] {
    return [...this.#known.values()].map(({ state }) => state)
  }

  /** What is wrong with servers, a check line each. */
  get complaints(): readonly CheckLine[] {
    const known = [...this.#known.values()]
    const all = known.flatMap(({ canary, alert, depth }) => [canary, alert, depth?.checkLine])
    return all.filter(
      (checkLine): checkLine is CheckLine => !!checkLine && checkLine.level !== 'ok',
    )
  }

  close(): void {
    this.#asking.close()
    for (const { session } of this.#known.values()) session.end()
  }

  async #askAll(stopped: AbortSignal): Promise<void> {
    const servers = clamdAddressesOf(this.#settings())
    const asked = servers.map(async (server): Promise<[string, KnownClamd]> => {
      const before = this.#known.get(server.text)
      const { session, sessions } = this.#conversationWith(server, before)
      const state = stateBy(server, await askVersion(server, stopped, session))
      if (state.isUp && before && sessions > before.sessions) this.#listener.onRestart()
      this.#logAbsent(before === undefined, state)
      const wait = before?.state.isUp ? before.wait : 0
      const { canary, alert, depth } = before ?? {}
      return [server.text, { state, session, sessions, canary, alert, depth, wait }]
    })
    const known = new Map(await Promise.all(asked))
    for (const [text, { session }] of this.#known) if (!known.has(text)) session.end()
    this.#known = known
    await Promise.all(servers.map((server) => this.#askLimits(server, stopped)))
  }

  /** Logs a server that does not answer when it is asked for the first time, and later that it does. */
  #logAbsent(isFirst: boolean, { server, isUp, text }: ClamdState): void {
    if (isFirst && !isUp) {
      this.#absent.add(server)
      const remedy = 'run onescan check, which shows the remedy'
      this.#log(inOneLine(warning(`clamd ${server}`, text, remedy)))
    } else if (isUp && this.#absent.delete(server)) this.#log(`clamd ${server}: answers`)
  }

  /** Returns the conversation with a server that goes on, or a new one. */
  #conversationWith(server: ClamdAddress, before: KnownClamd | undefined) {
    if (before?.session.isOpen) return before
    const session = new ClamdSession(server, { onBreak: () => this.#forget(server) })
    return { session, sessions: (before?.sessions ?? 0) + 1 }
  }

  /** Another server, or the same one with other settings, may answer at this address from now on. */
  #forget({ text }: ClamdAddress): void {
    this.#listener.onCanary({ kind: 'canary', server: text, isFound: false })
    this.#listener.onRestart()
  }

  async #askLimits(server: ClamdAddress, stopped: AbortSignal): Promise<void> {
    const known = this.#known.get(server.text)!
    if (!known.state.isUp || known.wait-- > 0) return
    known.wait = LIMITS_AFTER - 1
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(LIMITS_TIMEOUT)])
    const clamd = new ClamdServer(server, { isLasting: false, passing: loadSystem() })
    const canary = await checkCanary(clamd, signal)
    if (canary === undefined) return // it did not answer
    known.canary = this.#logNews(known.canary, canary)
    const isFound = canary.level === 'ok'
    this.#listener.onCanary({ kind: 'canary', server: server.text, isFound })
    if (!isFound) return // the other tests search for the same virus
    const alert = await checkAlert(clamd, signal)
    if (alert.level !== 'warning') known.alert = this.#logNews(known.alert, alert)
    if (known.depth?.of === known.sessions) return // MaxRecursion changes by a restart alone
    const checkLine = await checkDepth(clamd, signal)
    if (checkLine === undefined) return // it did not answer
    known.depth = {
      checkLine: this.#logNews(known.depth?.checkLine, checkLine),
      of: known.sessions,
    }
  }

  /** Logs a check line whose level is not that of the one before, and returns it. */
  #logNews(before: CheckLine | undefined, now: CheckLine): CheckLine {
    if (now.level !== (before?.level ?? 'ok')) this.#log(inOneLine(now))
    return now
  }
}

function stateBy({ text: server }: ClamdAddress, outcome: ClamdOutcome<string>): ClamdState {
  if (outcome.kind !== 'answered') {
    return { server, isUp: false, text: outcome.reason, version: undefined, made: undefined }
  }
  const { reply: answer } = outcome
  return { server, isUp: true, text: answer.slice(0, 100), ...signaturesOf(answer) }
}
