import { Fault } from '../../../lib/errors/fault.ts'
import { keepFor } from '../../../lib/flow/cache.ts'
import { responds } from '../../../lib/path/responds.ts'
import type { System } from '../../../lib/runtime/system.ts'
import type { Bytes } from '../../../mail/message/bytes.ts'
import { ServerWire } from '../../../protocol/connection/server-wire.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import { ScanTurns } from '../contract/scan-turns.ts'
import type { ContentScanner, PassedOn } from '../contract/scanner.ts'
import { clean, unseen } from '../findings/scan-result.ts'
import { askInTurn } from './ask-in-turn.ts'
import { type ClamdAddress, readClamdAddress } from './clamd-address.ts'
import { ClamdReplyReader } from './clamd-reply.ts'
import { ClamdServer, STREAMED_MAX } from './clamd-server.ts'
import { loadConnect } from './connect.ts'
import { databaseOf, isOnThisHost } from './database.ts'
import type { ExtractedForms } from './extracted-forms.ts'
import { clamdHasLoaded, Versions } from './versions.ts'

/** Milliseconds for which servers are taken to have the same directories. */
const DATABASES_FOR = 60_000
/** The log texts for a server that begins to fail, and for one that answers again. */
const CHANGES = {
  fails: 'fails, and is skipped while others answer',
  answers: 'answers again',
} as const

/** The beginnings by which libclamav recognizes a file as mail (CL_TYPE_MAIL in the file types of 1.4). */
const MAIL =
  /^(?:>?From |(?:Date|Delivered-To|Delivery-date|Envelope-to|For|From|Message-I[Dd]|Received|Received-SPF|Return-[Pp]ath|Subject|To|X-Apparently-To|X-Envelope-From|X-Original-To|X-Real-To|X-Sieve|X-UIDL): )/
/** The bytes by which libclamav recognizes the type of a file. */
const beginningOf = (bytes: Bytes) => bytes.gather(0, 1024).toString('latin1')
/** Marks of other file types, in a file that also has such a beginning. */
const OTHER_MARK = /ustar|EFI PART|TFL3|%PDF|[\0\x80-\xff]/

/**
 * Plugin `clamd`: asks the servers of CLAMD in turn (ask-in-turn.ts). Throws a Fault of kind `config` for a
 * malformed address.
 *
 * The first server is the one with the fewest messages under way; of equal ones the first in CLAMD. A server
 * that failed is asked last for a while. The first answer applies, whatever it is. The next server is asked
 * only if there was no connection or it broke. It is never asked because a server was too slow: clamd
 * continues to scan after its client has left. A limited number of messages have a turn for each server that
 * answers (scan-turns.ts).
 *
 * A clean answer about more than CLAMDMAXSIZE is not trusted: clamd answers OK, without a scan, to contents
 * over its own limits. So a message of that size is not sent.
 *
 * `lasting` is for a daemon, which scans message after message until `close()`: connections are kept. With
 * `passing`, messages are passed in memory files to servers that accept them. `log` receives a line when one
 * of several servers fails, and when it answers again.
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
    /** The parts that servers were shown to extract from mail. */
    readonly extracted?: ExtractedForms | undefined
    /** Paths of clamd.conf(5), if different from those of the packages. */
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
  if (list.length === 0) throw new Fault('config', 'CLAMD: specifies no server')
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
        // Without a clamd.conf the administrator's setting applies, and for another host the files here.
        const isUnknown = (at: number) => found[at] === undefined && isOnThisHost(list[at]!.address)
        if (CLAMDBDIR === undefined && list.some((_, at) => isUnknown(at))) return undefined
        return found.filter((directory) => directory !== undefined)
      }),
      async hasLoaded(files, isSettled) {
        await versions.newest() // asks, unless that was done just now
        const loaded = list.map((server) => clamdHasLoaded(server, files, isSettled))
        return (await Promise.all(loaded)).every(Boolean)
      },
    },
    takesBatch: true,
    readsAsMail(bytes) {
      const text = beginningOf(bytes)
      return MAIL.test(text) && !OTHER_MARK.test(text)
    },
    async extracts(mail) {
      // If its disk is full, clamd skips a part that it cannot write. It was shown to have room for the parts
      // of small mail (readiness/clamd/clamd-forms.ts).
      const forms = mail.size > STREAMED_MAX ? undefined : await extracted?.of(list)
      if (forms === undefined) return undefined
      const text = beginningOf(mail)
      const isMail = forms.firstFields.some((name) => text.startsWith(`${name}: `))
      return isMail && !OTHER_MARK.test(text) ? forms : undefined
    },
    countOmitted(parts) {
      if (extracted !== undefined) extracted.omitted += parts
    },
    turns: new ScanTurns(() => Math.max(1, healthy()), uptime),
    passOn: (command) => commands.answerTo(command),
    async scan(sample, task) {
      const size = Math.max(...[sample, ...(sample.batch ?? [])].map(({ bytes }) => bytes.size))
      const over = `clamd: ${size} bytes are more than CLAMDMAXSIZE ${CLAMDMAXSIZE}`
      if (size <= CLAMDMAXSIZE) return askInTurn(list, sample, task)
      // A client that submits these bytes alone gets clamd's finding in them, as with AlertExceedsMax.
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

/** Milliseconds for which an answer is reused for the next client: a reload takes clamd some seconds. */
const AGAIN_AFTER = 5_000
/** Milliseconds for the answer. */
const WITHIN = 5_000

/** Passes commands on to servers, each at most once in AGAIN_AFTER. */
class PassedCommands {
  readonly #answers: Readonly<Record<PassedOn, () => Promise<string | undefined>>>

  constructor(addresses: readonly ClamdAddress[], uptime: () => number) {
    const kept = (command: PassedOn) =>
      keepFor(AGAIN_AFTER, uptime, () => askAll(addresses, command))
    this.#answers = {
      RELOAD: kept('RELOAD'),
      SELFCHECK: kept('SELFCHECK'),
      VERSIONCOMMANDS: kept('VERSIONCOMMANDS'),
    }
  }

  /** Resolves to the reply of the first server that answers, or undefined if none does. */
  answerTo(command: PassedOn): Promise<string | undefined> {
    return this.#answers[command]()
  }
}

async function askAll(addresses: readonly ClamdAddress[], command: PassedOn) {
  const answers = addresses.map((address) => ask(address, command).catch(() => undefined))
  return (await Promise.all(answers)).find((answer) => answer !== undefined)
}

/** Sends a command on its own connection, because sessions (IDSESSION) accept no RELOAD. */
async function ask(address: ClamdAddress, command: PassedOn): Promise<string> {
  const connect = await loadConnect(address)
  if (address.kind === 'unix' && !(await responds(address.path))) throw new Error('no answer')
  const replies = new ClamdReplyReader()
  const wire = new ServerWire(connect(address), {
    push: (chunk) => replies.push(chunk),
    explain: (error) => error ?? new Error('closed the connection without a reply'),
  })
  try {
    const said = await wire.during(AbortSignal.timeout(WITHIN), async () => {
      await wire.connected()
      await wire.send(Buffer.from(`z${command}\0`))
      return wire.read(() => replies.whole())
    })
    return said.toString('latin1').replace(/\0.*$/s, '')
  } finally {
    wire.end(new Error('the answer is there'))
  }
}
