import packageJson from '../../../package.json' with { type: 'json' }
import { readSetting } from '../../lib/settings/settings.ts'
import { clamdWords } from '../../protocol/clamd/replies.ts'
import type { AskedAbout } from '../../scan/judge/config.ts'
import type { Configuration } from '../shared/configuration.ts'
import { type MailDoorOptions, MailServices } from '../shared/mail-door.ts'
import { Turns } from '../shared/turns.ts'
import { answering } from './context.ts'

/** The options of the door for clients of clamd, besides its configuration. */
export interface ClamdOptions extends MailDoorOptions {
  /** Contents that are judged at once. Others wait. */
  readonly maxClients: number
  /**
   * Connections at once, of which one user or address has half. If one more comes, the one that has been
   * idle for longest makes room, or the new one waits.
   */
  readonly maxConnections?: number
  /** Milliseconds of silence after which a client may have to make room for another one. */
  readonly makesRoomAfter?: number
  /** Bytes of a content. */
  readonly maxSize: number
  /** What clients send at this address. */
  readonly about: AskedAbout
  readonly timeouts?: ClamdTimeouts
}

/** Milliseconds that a client has. */
export interface ClamdTimeouts {
  /** Of silence amid a request, and before one: CommandReadTimeout and IdleTimeout of clamd.conf(5). */
  readonly silence: number
  /** For a content to come: a client that sends a byte now and then must not hold a place for ever. */
  readonly sending: number
  /**
   * After its last bytes, in which a client that closes its own side is taken to wait for the answer; later
   * it has left.
   */
  readonly halfClosing: number
  /** For the last answer to be taken. */
  readonly leaving: number
}

export const defaultTimeouts: ClamdTimeouts = {
  silence: 30_000,
  sending: 300_000,
  halfClosing: 1_000,
  leaving: 5_000,
}

/** The services that the door gives to a session and to each content in it. */
export class ClamdServices extends MailServices {
  readonly turns: Turns
  readonly maxSize: number
  readonly maxClients: number
  readonly timeouts: ClamdTimeouts
  readonly #about: AskedAbout
  /** Logs trouble that concerns no content. */
  readonly complain: (line: string) => void
  /** Contents that are judged, or wait for that. */
  underWay = 0

  constructor(first: Configuration, options: ClamdOptions) {
    super(answering(first, options.about), options)
    this.#about = options.about
    this.turns = new Turns(options.maxClients)
    this.maxSize = options.maxSize
    this.maxClients = options.maxClients
    this.timeouts = options.timeouts ?? defaultTimeouts
    this.complain = (line) => options.log(`clamd: ${line}`)
  }

  /** Sets what contents that come from now on are judged by. */
  configure(next: Configuration): void {
    this.configuration = answering(next, this.#about)
  }

  /**
   * Returns the reply if nobody could tell, which ends in these words; or by SCANFAIL_CLAMD the one by which
   * rspamd keeps mail out, since it takes no reply that ends in ERROR.
   */
  couldNotTell(about: string, words: string): string {
    const { env } = this.configuration
    if (readSetting(env, 'SCANFAIL_CLAMD') === 'limit')
      return `${about}: ${UNSCANNED}${clamdWords.found}`
    return words === clamdWords.streamTooLong ? words : `${about}: ${words}`
  }

  /** Returns the answer to STATS: clamd's form, with what is judged here. */
  stats(): string {
    const most = this.maxClients
    const live = Math.min(this.underWay, most)
    const threads = `THREADS: live ${live}  idle ${most - live} max ${most} idle-timeout 30`
    const memory =
      'heap N/A mmap N/A used N/A free N/A releasable N/A pools 0 pools_used N/A pools_total N/A'
    return `POOLS: 1\n\nSTATE: VALID PRIMARY\n${threads}\nQUEUE: ${this.underWay - live} items\n\nMEMSTATS: ${memory}\nEND`
  }

  /**
   * Resolves to clamd's own answer to VERSION, so that what clients remember is void when signatures
   * change. Without a clamd it is this program's.
   */
  async version(): Promise<string> {
    const scanners = this.configuration.context?.tools.scanners ?? []
    const signatures = scanners.find(({ name }) => name === 'clamd')?.memorable?.signatures
    if (typeof signatures !== 'function') return `onescan ${packageJson.version}`
    return (
      (await signatures(VERSION_WITHIN)) ?? `clamd does not tell its version.${clamdWords.failed}`
    )
  }
}

/** Milliseconds for the clamd behind to tell its version. */
const VERSION_WITHIN = 5_000

/** The name by which clients of clamd know that a limit has ended its scan. */
const UNSCANNED = 'Heuristics.Limits.Exceeded.Unscanned'
