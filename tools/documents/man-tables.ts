import { faultsInWords } from '../../src/base/errors/fault.ts'
import type { FromClient } from '../../src/base/settings/table/kinds.ts'
import { fromClientOf, readFromCaller, settingNames } from '../../src/base/settings/table.ts'
import { readAddress } from '../../src/base/text/address.ts'
import { optionDefaults as delayDefaults } from '../../src/delay/options/delay-options.ts'
import { oddities } from '../../src/mail/mime/reports/oddities.ts'
import {
  optionDefaults as quotadDefaults,
  usage as usageOfQuotad,
} from '../../src/quota/quotad-options.ts'
import { exitMeanings, slotExit } from '../../src/scanner/doors/slot/exit-codes.ts'
import { faultReply, replyOf } from '../../src/scanner/handling/smtp-reply.ts'
import { optionDefaults as daemonDefaults } from '../../src/scanner/options/daemon-options.ts'
import { POLICY_STATUS } from '../../src/scanner/scan/judge/decision/actions.ts'
import { mailReply, replyFor } from '../../src/scanner/scan/replies/mail-replies.ts'
import { groundsInWords, type Reply } from '../../src/scanner/scan/replies/reply.ts'
import { causesInWords } from '../../src/scanner/scan/scanners/findings/scan-result.ts'
import { readPage } from '../../test/documents/man-page.ts'
import { commandNames, optionItems } from './man-commands.ts'
import { withDefaults, withOptionDefaults } from './man-defaults.ts'
import { type Limit, mailLimits } from './man-limits.ts'
import { withSynopsis } from './man-synopsis.ts'

/** What the code knows of man pages, and `npm run docs` writes into them. */

/** A list in a section of a page: the `nth`, from 0, with its items as lines of mdoc(7). */
interface GeneratedList {
  /** A section, or with `Ss` before it a subsection. */
  readonly heading: string
  readonly nth: number
  readonly items: readonly string[]
}

const lists: Readonly<Record<string, readonly GeneratedList[]>> = {
  'onescan-settings.5': [
    { heading: 'SECOND LOOK', nth: 0, items: tagged(mailLimits) },
    { heading: 'MALFORMED MAIL', nth: 0, items: tagged(mapValues(oddities, asSentence)) },
  ],
  'onescan-queue.8': [{ heading: 'EXIT STATUS', nth: 0, items: tagged(exitCodes()) }],
  'onescan.1': optionLists(),
  'onescan-log.5': [
    { heading: 'FIELDS', nth: 1, items: tagged(Object.entries(groundsInWords)) },
    { heading: 'FIELDS', nth: 2, items: tagged(Object.entries(faultsInWords)) },
    { heading: 'FIELDS', nth: 3, items: tagged(Object.entries(causesInWords)) },
  ],
  'onescan-interfaces.7': [
    { heading: 'REPLIES', nth: 0, items: rows(replies()) },
    {
      heading: 'QMAIL',
      nth: 0,
      items: tagged([
        [settingsOf('overrides'), "The client's value, or the daemon's if the client has none."],
        [settingsOf('about client', 'about message'), "The client's value, set or unset."],
        [
          settingsOf('may tighten'),
          "The client's value, or onescan-queue scans if it is more lenient.",
        ],
        [settingsOf('checked only'), "The daemon's value."],
      ]),
    },
  ],
}

const pages: Readonly<Record<string, (page: string) => string>> = {
  'onescan-queue.8': (page) => withLists(page, 'onescan-queue.8'),
  'onescan-settings.5': (page) =>
    withDefaults(withLists(page, 'onescan-settings.5'), 'onescan-settings.5'),
  'onescan-quotad.8': (page) =>
    withOptionDefaults(
      withSynopsis(withDefaults(page, 'onescan-quotad.8'), usageOfQuotad),
      quotadDefaults,
    ),
  'onescanc.8': (page) => withDefaults(page, 'onescanc.8'),
  'onescan-interfaces.7': (page) => withLists(page, 'onescan-interfaces.7'),
  'onescand.8': (page) => withOptionDefaults(page, daemonDefaults),
  'smtp-delay.8': (page) => withOptionDefaults(page, delayDefaults),
  'onescan.1': (page) => withLists(page, 'onescan.1'),
  'onescan-log.5': (page) => withLists(page, 'onescan-log.5'),
}

/** The names of the man pages that have something of this, each with its text as the code has it. */
export function generatedManPages(): readonly (readonly [name: string, text: string])[] {
  return Object.entries(pages).map(([name, generate]) => [name, generate(readPage(name))])
}

function withLists(page: string, name: string): string {
  return lists[name]!.reduce(withList, page)
}

/** The lists of operands and options in onescan(1), in the chapter of each command. */
function optionLists(): GeneratedList[] {
  return commandNames().flatMap((command) => {
    const items = optionItems(command)
    const heading = /^(?:dis|en)able$/.test(command) ? 'Ss disable, enable' : `Ss ${command}`
    return items.length === 0 || command === 'enable' ? [] : [{ heading, nth: 0, items }]
  })
}

/** The page with a list made again; the titles of columns stay. */
function withList(page: string, { heading, nth, items }: GeneratedList): string {
  const isPart = heading.startsWith('Ss ')
  const section = page.indexOf(isPart ? `.${heading}\n` : `.Sh ${heading}\n`)
  const next = section + 1 + page.slice(section + 1).search(isPart ? /\n\.S[hs] / : /\n\.Sh /)
  let start = section
  const list = isPart ? '\n.Bl -tag ' : '\n.Bl '
  for (let before = 0; before <= nth; before++) start = page.indexOf(list, start + 1)
  if (section < 0 || start < 0 || start > next) throw new Error(`${heading} has no list ${nth}`)
  start = page.indexOf('\n', start + 1) + 1
  if (page.startsWith('.It Em ', start)) start = page.indexOf('\n', start) + 1
  const end = page.indexOf('.El\n', start)
  return page.slice(0, start) + items.join('') + page.slice(end)
}

function tagged(items: readonly (readonly [tag: string, text: string])[]): string[] {
  return items.map(([tag, text]) => `.It ${tag}\n${text}\n`)
}

function rows(cells: readonly Limit[]): string[] {
  return cells.map(([first, second]) => `.It ${first} Ta ${second}\n`)
}

function replies(): Limit[] {
  const fault = faultReply('bug')
  const form = (verb: 'refused' | 'deferred', why: string) => replyFor(verb, 'strange-mime', why)
  return [
    ...[
      mailReply.virus('NAME'),
      mailReply.banned('attachment NAME'),
      replyFor('refused', 'encrypted', 'it contains ...', POLICY_STATUS.status),
      mailReply.byRule,
      form('refused', '...'),
      form('deferred', '...'),
      mailReply.notScanned,
      mailReply.overQuota(readAddress('ADDRESS')),
      mailReply.overQuotaOfAll,
    ].map(asRow),
    [`${fault.code} ${fault.enhanced}`, fault.lines.join(' ')],
  ]
}

function asRow(reply: Reply): Limit {
  return [`${replyOf(reply).code} ${reply.enhanced}`, reply.text]
}

/** The names of settings, as the tag of an item of mdoc(7). */
function settingsOf(...kinds: readonly FromClient[]): string {
  const known = [...settingNames, ...readFromCaller.keys()]
  const found = known.filter((name) => kinds.includes(fromClientOf(name)))
  return `Ev ${found.join(' , ')}`
}

function exitCodes(): [string, string][] {
  return Object.values(slotExit).map((code) => [String(code), exitMeanings[code]!])
}

function mapValues(texts: object, change: (text: string) => string): [string, string][] {
  return Object.entries(texts).map(([name, text]) => [name, change(text)])
}

function asSentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}
