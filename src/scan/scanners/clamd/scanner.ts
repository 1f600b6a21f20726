import { Fault } from '../../../lib/errors/fault.ts'
import { keepFor } from '../../../lib/flow/cache.ts'
import type { System } from '../../../lib/runtime/system.ts'
import { clean, unseen } from '../shared/scan-result.ts'
import type { ScanSettings } from '../shared/scan-settings.ts'
import { ScanTurns } from '../shared/scan-turns.ts'
import type { ContentScanner } from '../shared/scanner.ts'
import { readClamdAddress } from './address.ts'
import { askInTurn } from './ask-in-turn.ts'
import { databaseOf, isOnThisHost } from './database.ts'
import type { ExtractedForms } from './extracted-forms.ts'
import { PassedCommands } from './pass-on.ts'
import { ClamdServer, STREAMED_MAX } from './server.ts'
import { clamdHasLoaded, Versions } from './versions.ts'

/** Milliseconds for which servers are taken to have the same directories. */
const DATABASES_FOR = 60_000
/** What the log reports about a server that begins to fail, and of one that answers again. */
const CHANGES = {
  fails: 'fails, and is skipped while others answer',
  answers: 'answers again',
} as const

/** The beginnings by which libclamav takes a file for mail (CL_TYPE_MAIL in the file types of 1.4). */
const MAIL =
  /^(?:>?From |(?:Date|Delivered-To|Delivery-date|Envelope-to|For|From|Message-I[Dd]|Received|Received-SPF|Return-[Pp]ath|Subject|To|X-Apparently-To|X-Envelope-From|X-Original-To|X-Real-To|X-Sieve|X-UIDL): )/
/** What it may take for another file, although it stands below such a beginning. */
const OTHER_MARK = /ustar|EFI PART|%PDF|[\0\x80-\xff]/

/**
 * Plugin `clamd`: asks the servers of CLAMD in turn (ask-in-turn.ts). The first one to be asked is
 * the one with the fewest messages under way, of equals the first one of CLAMD; a server that failed
 * is asked last for a while. The first answer counts, whatever it is. The next server is asked only if
 * there was no connection or it broke, and never if a server was too slow: clamd goes on scanning after
 * its client has left. A limited number of messages have a turn for each server that answers (scan-turns.ts).
 *
 * What clamd calls clean of more than CLAMDMAXSIZE is not: to what is over its own limits clamd answers OK,
 * unscanned. A message of that size is not sent. `lasting` is for a daemon, which scans message after message until `close()`: its
 * connections last, and with `passing` messages are handed over in memory files, if a server takes
 * them. `log` takes a line when one of several servers fails, and when it answers again.
 *
 * Throws a Fault of kind `config` for a malformed address.
 */
export function clamdScanner(
  { CLAMD, CLAMDMAXSIZE, CLAMDBDIR, ...files }: ScanSettings,
  {
    lasting = false,
    passing,
    log = () => {},
    extracted,
    configFiles,
  }: {
    readonly lasting?: boolean
    readonly passing?: System | undefined
    readonly log?: (line: string) => void
    /** What servers were shown to extract from mail. */
    readonly extracted?: ExtractedForms | undefined
    /** Where clamd.conf(5) may be, if not where packages put it. */
    readonly configFiles?: readonly string[] | undefined
  } = {},
): ContentScanner & { close(): void } {
  const list: readonly ClamdServer[] = CLAMD.map((text) => {
    const address = readClamdAddress(text, files)
    const changed = (state: 'fails' | 'answers') => {
      // If there is only one server, each message reports it.
      if (list.length > 1) log(`clamd ${address.text}: ${CHANGES[state]}`)
    }
    const broke = () => extracted?.forget(address.text)
    return new ClamdServer(address, { lasting, passing, changed, broke })
  })
  if (list.length === 0) throw new Fault('config', 'CLAMD: names no server')
  const healthy = () => list.filter((server) => !server.isBackedOff).length
  const uptime = () => performance.now()
  const versions = new Versions(list)
  const commands = new PassedCommands(
    list.map(({ address }) => address),
    uptime,
  )
  return {
    name: 'clamd',
    local: false,
    memorable: {
      identity: `clamd(${CLAMDMAXSIZE})`,
      signatures: (timeout) => versions.newest(timeout),
      loadsFrom: keepFor(DATABASES_FOR, uptime, () => {
        const found = list.map(({ address }) => databaseOf(address, configFiles))
        // Without a clamd.conf the administrator's word counts, and for another host the files here.
        const isUnknown = (at: number) => found[at] === undefined && isOnThisHost(list[at]!.address)
        if (CLAMDBDIR === undefined && list.some((_, at) => isUnknown(at))) return undefined
        return found.filter((directory) => directory !== undefined)
      }),
      async hasLoaded(files, isSettled) {
        await versions.newest() // asks, if that was not done just now
        return list.every((server) => clamdHasLoaded(server, files, isSettled))
      },
    },
    takesBatch: true,
    readsAsMail(beginning) {
      const text = beginning.toString('latin1')
      return MAIL.test(text) && !OTHER_MARK.test(text)
    },
    extracts(size) {
      // For want of room clamd leaves out a part that it cannot write. A mail that it has taken as a stream shows that
      // there is room for parts of that size.
      if (size > STREAMED_MAX) return undefined
      return extracted?.of(list.map(({ address }) => address.text))
    },
    turns: new ScanTurns(() => Math.max(1, healthy()), uptime),
    passOn: (command) => commands.answerTo(command),
    async scan(sample, task) {
      const size = Math.max(...[sample, ...(sample.batch ?? [])].map(({ bytes }) => bytes.size))
      const over = `clamd: ${size} bytes are more than CLAMDMAXSIZE ${CLAMDMAXSIZE}`
      if (size <= CLAMDMAXSIZE) return askInTurn(list, sample, task)
      // A client that asks about these bytes alone gets what clamd finds in them, as with AlertExceedsMax.
      const result = sample.isAsSent ? await askInTurn(list, sample, task) : clean
      return result.answer === 'clean' ? unseen('size', over) : result
    },
    underWay() {
      return Object.fromEntries(list.map((server) => [server.address.text, server.underWay]))
    },
    close() {
      versions.close()
      for (const server of list) server.close()
    },
  }
}
