import { Fault } from '../../../../base/errors/fault.ts'
import { cachedFor } from '../../../../base/flow/cache.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import type { System } from '../../../../base/runtime/system.ts'
import type { Bytes } from '../../../../mail/message/bytes.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type {
  ContentScanner,
  FollowedLinks,
  Sample,
  ScannerCall,
  ScannerServers,
} from '../contract/scanner.ts'
import { clean, type ScanResult, unread } from '../findings/scan-result.ts'
import { ScanPermits } from '../permits/scan-permits.ts'
import type { Cacheable } from '../signatures/cacheable.ts'
import type { SignatureFiles } from '../signatures/signature-files.ts'
import type { Canaries } from './canary.ts'
import { type ClamdAddress, readClamdAddress } from './clamd-address.ts'
import { clamdConfOf, databaseOf, isOnThisHost, isSetIn } from './clamd-conf.ts'
import { ClamdServer } from './clamd-server.ts'
import { scanByServers } from './fail-over.ts'
import { ForwardedCommands } from './forwarded-commands.ts'
import { clamdHasLoaded, Versions } from './versions.ts'

/** Milliseconds for which servers are taken to have the same directories. */
const DATABASES_FOR = 60_000
/** The log texts for a server that begins to fail, and for one that answers again. */
const CHANGES = {
  fails: 'does not answer; the other servers are used',
  answers: 'answers again',
} as const

interface ClamdScannerOptions {
  /** Whether connections are kept from message to message, until `close()`. */
  readonly isLasting?: boolean
  /** Set if messages are passed in memory files to servers that accept them. */
  readonly passing?: System | undefined
  /** Receives a line when one of several servers fails, and when it answers again. */
  readonly log?: (line: string) => void
  /** The servers that find the test virus. */
  readonly canaries?: Canaries | undefined
  /** Set if these are not the servers of the host, so that their verdicts are not those of the host. */
  readonly areOthers?: boolean | undefined
  /** Paths of clamd.conf(5), if different from those of the packages. */
  readonly configFiles?: readonly string[] | undefined
}

/**
 * Plugin `clamd`: asks the servers of CLAMD, one after the other (fail-over.ts). Throws a Fault of kind `config` for a
 * malformed address.
 *
 * The first server is the one with the fewest messages under way; of equal ones the first in CLAMD. A server
 * that failed is asked last for a while. The first answer applies, whatever it is. The next server is asked
 * only if there was no connection or it broke. It is never asked because a server was too slow: clamd
 * continues to scan after its client has left. A limited number of messages have a permit for each server that
 * answers (scan-permits.ts).
 *
 * A clean answer about more than CLAMDMAXSIZE is not trusted: clamd answers OK, without a scan, to contents
 * over its own limits. So a message of that size is not sent.
 */
export class ClamdScanner implements ContentScanner {
  readonly name = 'clamd'
  readonly hasBans = false
  readonly cacheable: Cacheable
  readonly permits: ScanPermits
  readonly servers: ScannerServers
  readonly #settings: ScanSettings
  readonly #options: ClamdScannerOptions
  readonly #servers: readonly ClamdServer[]
  readonly #versions: Versions

  constructor(settings: ScanSettings, options: ClamdScannerOptions = {}) {
    this.#settings = settings
    this.#options = options
    const addresses = settings.CLAMD.map((text) => readClamdAddress(text, settings))
    if (addresses.length === 0) throw new Fault('config', 'CLAMD: specifies no server')
    this.#servers = addresses.map((address) => this.#serverAt(address))
    this.#versions = new Versions(this.#servers)
    const commands = new ForwardedCommands(addresses, readUptime)
    this.servers = {
      underWay: () => this.#underWay(),
      forward: (command) => commands.answerTo(command),
      followedLinks: () => this.#followedLinks(),
    }
    this.permits = new ScanPermits(() => Math.max(1, this.#healthy()), readUptime)
    this.cacheable = {
      // Hosts that share verdicts may each have their own clamd.
      identity: `clamd(${[settings.CLAMDMAXSIZE, ...(options.areOthers ? settings.CLAMD : [])]})`,
      signatures: (timeout) => this.#versions.newest(timeout),
      loadsFrom: cachedFor(DATABASES_FOR, readUptime, () => this.#databases()),
      hasLoaded: (files, isSettled) => this.#haveLoaded(files, isSettled),
    }
  }

  scan(sample: Sample, task: ScannerCall): Promise<ScanResult> {
    return this.scanTogether([sample], task)
  }

  async scanTogether(samples: readonly Sample[], task: ScannerCall): Promise<ScanResult> {
    const { CLAMDMAXSIZE } = this.#settings
    const size = Math.max(...samples.map(({ bytes }) => bytes.size))
    const over = `clamd: ${size} bytes are more than CLAMDMAXSIZE ${CLAMDMAXSIZE}`
    if (size <= CLAMDMAXSIZE) return scanByServers(this.#servers, samples, task)
    // A client that submits these bytes alone gets clamd's finding in them, as with AlertExceedsMax.
    const isRaw = samples.some(({ kind }) => kind === 'raw')
    const result = isRaw ? await scanByServers(this.#servers, samples, task) : clean
    return result.answer === 'clean' ? unread('size', over) : result
  }

  treatsAsMail(bytes: Bytes): boolean {
    return clamdTreatsAsMail(bytes)
  }

  close(): void {
    this.#versions.close()
    for (const server of this.#servers) server.close()
  }

  #serverAt(address: ClamdAddress): ClamdServer {
    const { isLasting = false, passing, log, canaries } = this.#options
    const onChange = (state: keyof typeof CHANGES) => {
      // If there is only one server, each message reports it.
      if (this.#servers.length > 1) log?.(`clamd ${address.text}: ${CHANGES[state]}`)
    }
    return new ClamdServer(address, { isLasting, passing, canaries, onChange })
  }

  #underWay(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      this.#servers.map(({ address, underWay }) => [address.text, underWay]),
    )
  }

  #followedLinks(): FollowedLinks {
    const { configFiles } = this.#options
    const confs = this.#servers.map(({ address }) => clamdConfOf(address, configFiles) ?? '')
    return {
      followsFiles: confs.some((conf) => isSetIn(conf, 'FollowFileSymlinks')),
      followsFolders: confs.some((conf) => isSetIn(conf, 'FollowDirectorySymlinks')),
    }
  }

  #healthy(): number {
    return this.#servers.filter((server) => !server.isBackedOff).length
  }

  /** Returns the directories of the servers' signatures on this host, or undefined if one is not known. */
  #databases(): readonly string[] | undefined {
    const { CLAMDBDIR } = this.#settings
    const found: string[] = []
    for (const { address } of this.#servers) {
      const directory = databaseOf(address, this.#options.configFiles)
      if (directory !== undefined) found.push(directory)
      // Without a clamd.conf the administrator's setting applies, and for another host the files here.
      else if (CLAMDBDIR === undefined && isOnThisHost(address)) return undefined
    }
    return found
  }

  /** Resolves to whether all servers have loaded these signatures. */
  async #haveLoaded(
    files: SignatureFiles,
    isSettled: (changed: number | undefined) => boolean,
  ): Promise<boolean> {
    await this.#versions.newest() // asks, unless that was done just now
    const loaded = this.#servers.map((server) => clamdHasLoaded(server, files, isSettled))
    return (await Promise.all(loaded)).every(Boolean)
  }
}

/** The beginnings by which libclamav recognizes a file as mail (CL_TYPE_MAIL in the file types of 1.4). */
const MAIL =
  /^(?:>?From |(?:Date|Delivered-To|Delivery-date|Envelope-to|For|From|Message-I[Dd]|Received|Received-SPF|Return-[Pp]ath|Subject|To|X-Apparently-To|X-Envelope-From|X-Original-To|X-Real-To|X-Sieve|X-UIDL): )/
/** Marks of other file types, in a file that also has such a beginning. */
const OTHER_MARK = /ustar|EFI PART|TFL3|%PDF|[\0\x80-\xff]/

/** Returns whether libclamav recognizes these bytes as mail. */
function clamdTreatsAsMail(bytes: Bytes): boolean {
  const text = bytes.gather(0, 1024).toString('latin1')
  return MAIL.test(text) && !OTHER_MARK.test(text)
}
