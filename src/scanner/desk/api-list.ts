import { SEARCH_MAX } from '../../base/text/search-words.ts'
import { wholeNumber } from '../../base/text/values.ts'
import { isId, secondsOf } from '../scan/quarantine/entries.ts'
import { type Desk, type MessageFilter, statesOf } from './desk.ts'
import { Problem } from './problem.ts'
import type { ShownMessage } from './shown-message.ts'

/** Messages of a page, by default and at most. */
const PAGE_DEFAULT = 100
const PAGE_MAX = 10_000
/** Upper limit for the records that are read for a page. If fewer of them match than a page has, `next` continues. */
const RECORDS_MAX = 20_000
/** Bytes of JSON with which a page ends: onescand takes an answer of twice that. */
const PAGE_BYTES = 16 * 1024 * 1024
/** Upper limit for the recipients of a message in a list, beside the number of all. */
const RECIPIENTS_SHOWN = 10
/** Upper limit for the damaged messages that are named. */
const DAMAGED_SHOWN = 10

/** What a list shows, the newest first. */
interface ListFilter extends MessageFilter {
  readonly limit: number
}

/** The parameters of a search, and those of a list, which has pages. */
export const SEARCH_PARAMETERS = ['since', 'until', 'state', 'grounds', 'recipient', 'search']
export const LIST_PARAMETERS = [...SEARCH_PARAMETERS, 'limit', 'before']

/** Throws a Problem if a query has anything but these parameters, each at most once. */
export function checkParameters(query: URLSearchParams, parameters: readonly string[]): void {
  for (const name of query.keys()) {
    if (!parameters.includes(name) || query.getAll(name).length > 1) {
      throw bad(`${name}: the parameters, each once, are ${parameters.join(', ') || 'none'}`)
    }
  }
}

/** Reads the parameters of a search or a list. Throws a Problem if one is wrong. */
export function readFilter(query: URLSearchParams): ListFilter {
  const [state, before] = [query.get('state') ?? undefined, query.get('before')]
  const states = statesOf(state)
  if (states.length === 0)
    throw bad(`state=${state}: must be one of ${statesOf('all').join(', ')}, all`)
  if (before !== null && !isId(before)) throw bad(`before=${before}: must be the id of a message`)
  const search = query.get('search') ?? ''
  if (search.length > SEARCH_MAX) throw bad(`search: has more than ${SEARCH_MAX} characters`)
  const until = moment(query, 'until')
  const end = before === null ? undefined : (secondsOf(before) + 1) * 1000
  return {
    range: {
      since: moment(query, 'since'),
      until: end === undefined ? until : Math.min(end, until ?? end),
      isNewestFirst: true,
    },
    states,
    grounds: query.get('grounds') ?? undefined,
    recipient: query.get('recipient') ?? undefined,
    search,
    limit: limitOf(query.get('limit') ?? undefined),
    before: before ?? undefined,
  }
}

const bad = (detail: string) => new Problem('bad-request', detail)

function limitOf(text: string | undefined): number {
  try {
    return wholeNumber(text, 'limit', PAGE_DEFAULT, { min: 1, max: PAGE_MAX })
  } catch (error) {
    throw bad((error as Error).message)
  }
}

/** A time in RFC 3339, in unix milliseconds. */
function moment(query: URLSearchParams, name: 'since' | 'until'): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const time = Date.parse(text)
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)
  if (isTime && Number.isFinite(time)) return time
  throw bad(`${name}=${text}: must be a time such as 2026-11-28T09:00:00Z`)
}

/** A page of the list. `next` is the value of `before` for the next one, or null at the end. */
interface MessagePage {
  readonly messages: readonly ShownMessage[]
  readonly next: string | null
  /** Files that cannot be read. */
  readonly damaged: number
  /** The first of them that are known. */
  readonly damagedIds: readonly string[]
}

/** Reads a page of the list, the newest message first. A file that is not a message in quarantine is left out, and counted. */
export async function listPage(desk: Desk, filter: ListFilter): Promise<MessagePage> {
  const messages: ShownMessage[] = []
  let [read, bytes, damaged] = [0, 0, 0]
  let [last, isCut]: [string | null, boolean] = [null, false]
  const onRead = ({ id }: { readonly id: string }) => {
    isCut = messages.length === filter.limit || read === RECORDS_MAX || bytes > PAGE_BYTES
    if (!isCut) last = id
    read++
    return !isCut
  }
  const damagedIds: string[] = []
  const complain: Parameters<Desk['find']>[1] = (_, entry) => {
    damaged++
    if (entry && damagedIds.length < DAMAGED_SHOWN) damagedIds.push(entry.id)
  }
  for await (const found of desk.find(filter, complain, onRead)) {
    const shown = desk.shown(found, RECIPIENTS_SHOWN, filter)
    bytes += Buffer.byteLength(JSON.stringify(shown))
    messages.push(shown)
  }
  return { messages, next: isCut ? last : null, damaged, damagedIds }
}

/** Counts the messages of a search. At most RECORDS_MAX records are read for it; then there may be more. */
export async function countMessages(
  desk: Desk,
  filter: ListFilter,
): Promise<{ readonly count: number; readonly isComplete: boolean }> {
  let [count, read] = [0, 0]
  const onRead = () => ++read <= RECORDS_MAX
  for await (const _ of desk.find(filter, () => {}, onRead)) count++
  return { count, isComplete: read <= RECORDS_MAX }
}
