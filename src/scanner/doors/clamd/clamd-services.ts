import packageJson from '../../../../package.json' with { type: 'json' }
import { onceAMinute } from '../../../base/log/line-format.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import type { Configuration } from '../../configuration/configuration.ts'
import { JudgePermits } from '../../handling/judge-permits.ts'
import { type MailDoorOptions, MailServices } from '../../handling/mail-services.ts'
import { type ContentReply, clamdWords, replyLine } from '../../protocol/clamd/write-reply.ts'
import type {
  ContentScanner,
  FollowedLinks,
  ForwardedCommand,
} from '../../scan/scanners/contract/scanner.ts'
import type { ClientContent } from '../../scan/scanners/run/submission.ts'
import { configurationForClients } from './clamd-context.ts'

/** The options of the clamd door, in addition to its configuration. */
export interface ClamdOptions extends MailDoorOptions {
  /** Contents that are judged at once. Others wait. */
  readonly maxClients: number
  /**
   * Maximum number of connections, of which one user or address may use half. If one more arrives, the one
   * that has been idle longest is closed, or the new one waits.
   */
  readonly maxConnections?: number
  /** Milliseconds of silence after which a client may be closed to free a place. */
  readonly makesRoomAfter?: number
  /** Bytes of a content. */
  readonly maxSize: number
  /** Names that are looked at for one path, in all its folders; by default 10,000. */
  readonly maxNames?: number
  /** The kind of content that clients send at this address. */
  readonly contentKind: ClientContent
  /** Whether clients connect over TLS, each with a certificate. */
  readonly isSecure?: boolean
  /** Time limits other than the standard ones. */
  readonly timeouts?: Partial<ClamdTimeouts>
}

/** Milliseconds that a client has. */
interface ClamdTimeouts {
  /** Silence before the first command is complete: CommandReadTimeout of clamd.conf(5). */
  readonly firstCommand: number
  /** Silence after it, within a request and between two: ReadTimeout of clamd.conf(5), as Debian sets it. */
  readonly silence: number
  /** Time for the files of a folder. */
  readonly folder: number
  /**
   * Time after its last bytes in which a client that closes its own side is assumed to wait for the answer. A
   * client that closes it later has left.
   */
  readonly halfClosing: number
  /** Time for the client to accept the last answer. */
  readonly leaving: number
  /** Time for the whole TLS handshake. */
  readonly handshake: number
}

const standardTimeouts: ClamdTimeouts = {
  firstCommand: 30_000,
  silence: 180_000,
  folder: 300_000,
  halfClosing: 1_000,
  leaving: 5_000,
  handshake: 10_000,
}

/** clamd.conf(5), MaxFiles. */
const MAX_NAMES = 10_000

/** The services that the door provides for a session and for each content in it. */
export class ClamdServices extends MailServices {
  readonly permits: JudgePermits
  readonly maxSize: number
  readonly maxClients: number
  readonly maxNames: number
  readonly timeouts: ClamdTimeouts
  /** Whether clients connect over TLS: other hosts that run onescan. */
  readonly isSecure: boolean
  readonly #contentKind: ClientContent
  /** Logs trouble that concerns no content. */
  readonly complain: (line: string) => void
  /** Contents that are judged, or wait for that. */
  underWay = 0
  readonly #noteOnce: (line: string) => void

  constructor(first: Configuration, options: ClamdOptions) {
    super(configurationForClients(first, options.contentKind), options)
    this.#contentKind = options.contentKind
    this.permits = new JudgePermits(options.maxClients)
    this.maxSize = options.maxSize
    this.maxClients = options.maxClients
    this.maxNames = options.maxNames ?? MAX_NAMES
    this.isSecure = options.isSecure === true
    this.timeouts = { ...standardTimeouts, ...options.timeouts }
    this.complain = (line) => options.log(`clamd: ${line}`)
    this.#noteOnce = onceAMinute(this.complain)
  }

  /** Sets the configuration for contents that arrive from now on. */
  configure(next: Configuration): void {
    this.configuration = configurationForClients(next, this.#contentKind)
  }

  /** Logs that an MTA uses this as a milter: once a minute, because the MTA may connect for each mail. */
  noteMilter(remote = 'a program of this host'): void {
    this.#noteOnce(
      `${remote} speaks the milter protocol at an address for clients of clamd; set its mail server to the address of --milter`,
    )
  }

  /**
   * Returns the line of a reply. If there is no result, SCANFAIL_CLAMD may select the reply for a limit, for
   * which rspamd keeps mail out. rspamd accepts mail after ERROR.
   */
  lineOf(reply: ContentReply): string {
    const isLimit = reply.kind === 'failed' && this.#servesRspamd()
    return replyLine(isLimit ? { subject: reply.subject, kind: 'found', name: UNSCANNED } : reply)
  }

  /** Milliseconds until a content needs its reply, whatever SCANTIMEOUT is; undefined without such a limit. */
  get within(): number | undefined {
    return this.#servesRspamd() ? RSPAMD_WAITS : undefined
  }

  #servesRspamd(): boolean {
    return !this.isSecure && readSetting(this.configuration.env, 'SCANFAIL_CLAMD') === 'limit'
  }

  /**
   * Returns the answer to STATS: clamd's form, with what is judged here. All threads of clamd that exist are `live`, and those
   * without work are `idle`: here as many as contents may be judged at once.
   */
  stats(): string {
    const most = this.maxClients
    const busy = Math.min(this.underWay, most)
    const threads = `THREADS: live ${most}  idle ${most - busy} max ${most} idle-timeout 30`
    const memory =
      'heap N/A mmap N/A used N/A free N/A releasable N/A pools 0 pools_used N/A pools_total N/A'
    return `POOLS: 1\n\nSTATE: VALID PRIMARY\n${threads}\nQUEUE: ${this.underWay - busy} items\n\nMEMSTATS: ${memory}\nEND`
  }

  /**
   * Resolves to clamd's own answer to VERSION, so that clients drop cached results when signatures change.
   * Without a clamd it is this program's own.
   */
  async version(): Promise<string> {
    const signatures = this.#clamd()?.cacheable?.signatures
    if (typeof signatures !== 'function') return `onescan ${packageJson.version}`
    return (
      (await signatures(VERSION_TIMEOUT)) ??
      `clamd does not report its version.${clamdWords.failed}`
    )
  }

  /**
   * Resolves to the answer of the clamd that onescand asks. Without one, and to other hosts over TLS if the command has
   * clamd work, resolves to the answer of a clamd whose settings forbid the command.
   */
  async forward(command: ForwardedCommand): Promise<string> {
    const isForbidden = this.isSecure && command !== 'VERSIONCOMMANDS'
    const servers = isForbidden ? undefined : this.#clamd()?.servers
    if (servers === undefined) return 'COMMAND UNAVAILABLE'
    return (await servers.forward(command)) ?? `clamd does not answer.${clamdWords.failed}`
  }

  /** Returns the links that are followed below a folder: as by the clamd that onescand asks. */
  followedLinks(): FollowedLinks {
    return this.#clamd()?.servers?.followedLinks() ?? { followsFiles: false, followsFolders: false }
  }

  #clamd(): ContentScanner | undefined {
    const scanners = this.configuration.context?.tools.scanners ?? []
    return scanners.filter((scanner) => !scanner.hasBans).find(({ name }) => name === 'clamd')
  }
}

/** Milliseconds for that clamd to report its version. */
const VERSION_TIMEOUT = 5_000

/** Upper limit, in milliseconds, for a reply to rspamd, which waits for 35 seconds (its antivirus.conf). */
const RSPAMD_WAITS = 30_000

/** The name that shows clients of clamd that a limit has ended the scan. */
const UNSCANNED = 'Heuristics.Limits.Exceeded.Unscanned'
