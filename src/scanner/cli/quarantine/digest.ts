import { hostname } from 'node:os'
import { attempt, errorText, Fault } from '../../../base/errors/fault.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import { readForeignFile } from '../../../base/path/open.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import { isPlainPath, readAddress } from '../../../base/text/address.ts'
import { DAY, formatCount } from '../../../base/text/units.ts'
import type { Desk } from '../../desk/desk.ts'
import { noteAction } from '../../desk/note-action.ts'
import { isInCare, plainDomain } from '../../desk/reader.ts'
import { sendSigned, signingKeys } from '../../desk/release-entry.ts'
import type { ShownMessage } from '../../desk/shown-message.ts'
import { receiptOf } from '../../scan/quarantine/receipts.ts'
import { beginRequest } from '../../scan/quarantine/release-requests.ts'
import { Reported } from '../../scan/quarantine/reported.ts'
import { flag, printsJson, textOption, textOptions } from '../command/cli-options.ts'
import { FAILED, makeCommand, type Output } from '../command/run-command.ts'
import { addEnvironmentOptions, slotEnvironment } from '../host/slot-environment.ts'
import { endAnswers } from './by-caller.ts'
import {
  type Digest,
  digestMail,
  ENDING_DAYS,
  idsOf,
  NAMED_MAX,
  type Stock,
  shownAddress,
} from './digest-mail.ts'
import { defaultWords, parseWords, wordsOfNothing } from './digest-words.ts'
import { addDirectoryOption, atDesk, noteOf } from './directory.ts'
import { entriesOf, singleEntry } from './equal-messages.ts'
import { complainTo } from './meant-messages.ts'
import { routeBy } from './release.ts'

/** Upper limit for the readers to whom one command sends digests. The next one sends the others. */
const READERS_MAX = 1000
/** Entries of a digest, digests that a reader gets at once, and messages of all digests of a command. The last digest has the number of the others, which the next command describes. */
const ENTRIES_MAX = 100
const PARTS_MAX = 10
const ALL_SHOWN_MAX = 20_000
/** Milliseconds after which the postmaster receives a digest without any message: a week less some hours, since no two mornings are exactly a day apart. */
const SIGN_OF_LIFE = (ENDING_DAYS - 0.5) * DAY

/** `onescan quarantine digest`: sends a message about what was kept since the last digest. */
export const digestCommand = makeCommand('quarantine digest', {
  command: 'digest',
  describe: 'Mail what was quarantined since the last digest, to the postmaster or each recipient',
  builder: (yargs) =>
    addEnvironmentOptions(addDirectoryOption(yargs))
      .option('postmaster', textOption('Recipient of the digest; with --each, its sender', { default: 'postmaster' })) // biome-ignore format: a line
      .option('each', textOptions('To each recipient in this domain instead, or .domain; may be repeated')) // biome-ignore format: a line
      .option('by', textOption('chain, sendmail, or HOST:PORT for SMTP', { default: 'sendmail' }))
      .option('text', textOption('File with your own words, {messages}, {host}, {site}, {postmaster}, {count}, {entries} and {kinds}, such as examples/digest/digest-words')) // biome-ignore format: a line
      .option('zone', textOption('Time zone, such as Europe/Berlin')) // biome-ignore format: a line
      .option('dry-run', flag('Only show who would get it'))
      .option('json', printsJson)
      .epilogue(
        'The mail has the stamp of a release key, so that no host of the cluster scans it.\n\n' +
          'Exit codes: 0 all were sent, or there was nothing new; 2 something could not be sent or read.',
      ),
  work: (args, output) =>
    atDesk(args.directory, async (desk) => {
      const { root } = desk
      const postmaster = Buffer.from(args.postmaster).toString('latin1')
      if (!isPlainPath(Buffer.from(`<${postmaster}>`, 'latin1')))
        throw new Fault(
          'config',
          `--postmaster ${args.postmaster}: must be an address, such as postmaster@example.org`,
        )
      const env = slotEnvironment(process.env, args)
      const route = routeBy(args.by, 'sendmail', env)
      const keys = attempt(() => signingKeys(env)) ?? [] // without a key it is scanned like other mail
      const host = hostname()
      const { text: file, zone, each: domains } = args
      const isForRecipient = domains !== undefined
      if (
        zone !== undefined &&
        attempt(() => new Date().toLocaleString('sv-SE', { timeZone: zone })) === undefined
      )
        // biome-ignore format: a line
        throw new Fault('config', `--zone ${zone}: must be a time zone such as Europe/Berlin`)
      const page = readSetting(env, 'QUARANTINEURL')
      const words =
        file === undefined
          ? defaultWords(isForRecipient, page)
          : parseWords(readForeignFile(file, TEXT_MAX).toString(), file)
      const now = Date.now()
      const send = async (digest: Digest, stock: Stock): Promise<string> => {
        const said = digest.count === 0 && file === undefined ? wordsOfNothing(page) : words
        async function* pieces() {
          const about = { host, postmaster, isForRecipient, zone, page, words: said, stock }
          yield digestMail(digest, { ...about, now })
        }
        // No sender: nothing answers it.
        return sendSigned(pieces(), { sender: '', recipients: [digest.to] }, keys, route)
      }
      const readersOf = (recipients: readonly string[]) =>
        domains === undefined ? [postmaster] : ownRecipients(recipients, domains)
      const readers = { readersOf, isForRecipient }
      const gatherNew = async (reported: Reported) => {
        const { digests, ...found } = await gather(desk, reported, readers, output, now)
        const isSilent = now - reported.lastAt(postmaster) < SIGN_OF_LIFE
        const isNeeded = digests.length === 0 && !isForRecipient && !isSilent
        return { ...found, digests: isNeeded ? [nothingFor(postmaster)] : digests }
      }
      if (args.dryRun) {
        const { digests } = await gatherNew(await Reported.read(root))
        return report(new Map(digests.map((digest) => [digest, ''])), output)
      }
      const turn = await beginRequest(root, LOCK, LOCK)
      if ('answer' in turn) return FAILED
      try {
        const reported = await Reported.read(root)
        const { digests, oldest, stock } = await gatherNew(reported)
        const old = Math.min(oldest, (now - SIGN_OF_LIFE) / 1000)
        if (digests.length > 0) await reported.forgetBefore(old)
        const sent = new Map<Digest, string>()
        for (const digest of digests) {
          try {
            const answer = await send(digest, stock)
            sent.set(digest, answer)
            await reported.add(idsOf(digest), digest.to, now)
            await noteAction(root, fieldsOf(digest, route.text, answer), noteOf(output))
          } catch (error) {
            output.error(`<${shownAddress(digest.to)}>: ${errorText(error)}`)
          }
        }
        return await report(sent, output)
      } finally {
        endAnswers()
        await turn.forget().catch(() => {})
      }
    }),
})

/** Upper limit, in bytes, for the file of a site's words. */
const TEXT_MAX = 64 * 1024

/** The id of the request that keeps other processes from sending digests. No client of the API can make one with it. */
const LOCK = 'onescan quarantine digest'

/** Who gets digests. */
interface Readers {
  /** Returns who gets the digest of a message for these recipients. */
  readonly readersOf: (recipients: readonly string[]) => readonly string[]
  readonly isForRecipient: boolean
}

/** What is new for a reader. */
interface News {
  readonly shown: ShownMessage[]
  /** The number of other messages, older than these. */
  left: number
  readonly kinds: Map<string, number>
}

/**
 * Returns the digests of all messages that were neither released to their readers nor reported to them before, and the time of the
 * oldest message in quarantine, unix seconds. What cannot be read is an error of the output.
 */
async function gather(
  desk: Desk,
  reported: Reported,
  { readersOf, isForRecipient }: Readers,
  output: Output,
  now: number,
): Promise<{ readonly digests: Digest[]; readonly oldest: number; readonly stock: Stock }> {
  const readers = new Map<string, News>()
  const most = isForRecipient ? ENTRIES_MAX * PARTS_MAX : ALL_SHOWN_MAX
  let oldest = Number.POSITIVE_INFINITY
  let [shown, left] = [0, 0]
  const stock: Stock = { waiting: 0, ending: 0, unread: 0 }
  const complain: ReturnType<typeof complainTo> = (reason, entry) => {
    stock.unread++
    complainTo(output)(reason, entry)
  }
  const range = { since: undefined, until: undefined, isNewestFirst: true }
  const states = ['kept', 'releasing', 'released'] as const
  for await (const found of desk.find({ range, states }, complain)) {
    const { id, seconds, state, grounds } = found.entry
    oldest = Math.min(oldest, seconds)
    if (state === 'released') continue
    stock.waiting++
    if (desk.endOf(found.entry) < now + ENDING_DAYS * DAY) stock.ending++
    const receipt = receiptOf(desk.receipts(id))
    for (const to of readersOf(found.record.recipients.filter((own) => !receipt(own)))) {
      if (reported.has(id, to)) continue
      const news: News = readers.get(to) ?? { shown: [], left: 0, kinds: new Map() }
      if (!readers.has(to) && (readers.size === READERS_MAX || shown === ALL_SHOWN_MAX)) {
        left++
        continue
      }
      readers.set(to, news)
      news.kinds.set(grounds, (news.kinds.get(grounds) ?? 0) + 1)
      if (news.shown.length === most || shown === ALL_SHOWN_MAX) {
        news.left++
        continue
      }
      news.shown.push(desk.shown(found, NAMED_MAX))
      shown++
    }
  }
  if (left > 0)
    output.error(
      `only ${READERS_MAX} readers and ${ALL_SHOWN_MAX} messages are reported at once; run onescan quarantine digest again`,
    )
  const digests = [...readers].flatMap(([to, news]) => digestsOf(to, news, isForRecipient))
  return { digests, oldest, stock }
}

/** A digest without any message: a sign that digests are sent. */
const nothingFor = (to: string): Digest => ({
  to,
  entries: [],
  entriesBefore: 0,
  entryCount: 0,
  part: 1,
  parts: 1,
  count: 0,
  left: 0,
  kinds: new Map(),
})

/** A recipient asks for each message by itself. */
function digestsOf(to: string, { shown, left, kinds }: News, isForRecipient: boolean): Digest[] {
  const all = isForRecipient ? shown.map(singleEntry) : entriesOf(shown)
  const later = all.slice(ENTRIES_MAX * PARTS_MAX)
  const entryCount = all.length - later.length
  const parts = Math.ceil(entryCount / ENTRIES_MAX)
  const counts = {
    count: shown.length + left,
    left: left + later.flatMap(({ messages }) => messages).length,
    kinds,
  }
  return Array.from({ length: parts }, (_, at) => {
    const entriesBefore = at * ENTRIES_MAX
    const entries = all.slice(entriesBefore, entriesBefore + ENTRIES_MAX)
    return { to, entries, entriesBefore, entryCount, part: at + 1, parts, ...counts }
  })
}

/** Returns the recipients who may learn of a message that was for them: those in the site's own domains. */
function ownRecipients(recipients: readonly string[], to: readonly string[]): string[] {
  const own = recipients.filter((recipient) => isInCare({ to }, recipient)).map(readAddress)
  return [...new Set(own.map(({ local, domain = '' }) => `${local}@${plainDomain(domain)}`))]
}

const fieldsOf = (digest: Digest, by: string, answer: string): readonly LogField[] => [
  ['quarantine', 'digest'],
  ['messages', idsOf(digest).length],
  ['to', `<${digest.to}>`],
  ['by', by],
  ['next', answer],
]

/** Prints who got which messages, each digest with the answer to it. Returns the exit code. */
async function report(sent: ReadonlyMap<Digest, string>, output: Output): Promise<number> {
  let messages = 0
  for (const [digest, answer] of sent) {
    const { to } = digest
    const ids = idsOf(digest)
    messages += ids.length
    output.text(`<${shownAddress(to)}>: ${formatCount(ids.length, 'message')}\n`)
    await output.result({ to, messages: ids, answer })
  }
  if (sent.size === 0 && !output.hasErrors) output.text('nothing is new in quarantine\n')
  output.sum({ mails: sent.size, messages })
  return output.hasErrors ? FAILED : 0
}
