// The messages of a search, the selection, and what is done with it.
import { alikeGroups, FEW_ALIKE } from '../../../../scan/quarantine/alike.ts'
import { focus } from './focus.js'
import { listTitle, narrow, recipientsText, subjectOf, writerOf } from './list-view.js'
import { ask, codeOf, Problem } from './session.js'
import {
  count,
  dangerOfMany,
  isAboutRights,
  kindText,
  problemOfMany,
  problems,
  releasedText,
  SLOW,
  warningText,
} from './words.js'

/** @import { App, Search } from './app.js' */
/** @import { Summary } from './answers.js' */

/** Messages that the list shows at first, and further ones at a time. */
const PAGE = 100
/** Messages in one request: to list, delete and release. */
const LISTED_MAX = 10_000
const DELETED_MAX = 1000
const RELEASED_MAX = 100

const NOTHING_SELECTED = 'Nothing is selected'

export class List {
  /** @type {Summary[]} */
  messages = []
  /** Where further ones begin in the quarantine. @type {string | null} */
  next = null
  /** Those that were loaded to put them in order, and are not shown yet. @type {Summary[]} */
  more = []
  /** How many messages each one of a group is like, with itself. @type {ReadonlyMap<string, number>} */
  alike = new Map()
  /** Messages that were left out, because they cannot be read, and the numbers of the first ones. */
  damaged = 0
  damagedIds = /** @type {readonly string[]} */ ([])
  /** A search is under way: what is listed is from before. */
  isSearching = false
  /** The last message of the search was released or deleted here. */
  isEmptied = false
  /** When the list was loaded. */
  loadedAt = ''
  isLoading = false
  isLoaded = false
  /** All that were found are being selected. */
  isSelecting = false
  /** @type {Map<string, Summary>} */
  selected = new Map()
  /** Those that were selected in another search: a search drops none of them. @type {Set<string>} */
  selectedBefore = new Set()
  /** Further filters are shown. */
  hasFilters = false
  /** What was typed into the search, and not searched for yet. @type {Partial<Search>} */
  typed = {}
  /** The number of all messages of the search, while not all of them are shown. @type {{ count: number, isComplete: boolean } | undefined} */
  total
  /** The place of the open message after it has left the list: that of the next one. */
  place = -1

  /** @param {App} app */
  constructor(app) {
    this.app = app
  }

  /** Loads the first page of the list, or appends the next one. Screen readers read how many there are, if `isTold`. */
  async load({ isFirst = true, isTold = true } = {}) {
    const { search } = this.app
    this.isLoading = true
    this.isSearching = isFirst
    this.app.redraw()
    if (isTold) this.app.tell('Searching…', SLOW)
    try {
      const listed = await this.#ordered(PAGE, isFirst ? null : this.next)
      if (search !== this.app.search && !isSameFilter(search, this.app.search)) return
      if (!isFirst) {
        listed.messages = [...this.messages, ...listed.messages]
        listed.damaged += this.damaged
        if (this.damagedIds.length > 0) listed.damagedIds = this.damagedIds
      }
      Object.assign(this, { ...listed, loadedAt: new Date().toISOString() })
      Object.assign(this, { isLoading: false, isSearching: false, isLoaded: true })
      if (isFirst) this.isEmptied = false
      if (isFirst && this.app.answer?.place === 'list') this.app.answer = undefined
      if (isFirst) this.total = undefined
      this.app.redraw()
      this.#announce(isFirst, isTold)
    } catch (error) {
      Object.assign(this, { isLoading: false, isSearching: false })
      if (isFirst)
        Object.assign(this, { messages: [], next: null, more: [], isLoaded: false, damaged: 0 })
      await this.app.fail('list', error)
    }
  }

  /**
   * Has screen readers read the title of the list, with the number of all messages, which takes longer.
   *
   * @param {boolean} isFirst
   * @param {boolean} isTold
   */
  async #announce(isFirst, isTold) {
    if (isFirst && !(await this.#count())) return
    if (isTold) this.app.tell(this.app.answer === undefined ? listTitle(this.app) : '')
  }

  /** Counts the messages of the search, if not all are shown. Resolves to whether the search is still the same. */
  async #count() {
    const { search } = this.app
    if (this.next === null) {
      this.total = { count: this.messages.length + this.more.length, isComplete: true }
      this.app.redraw()
      return true
    }
    const total = await ask(`messages/count?${this.#query()}`).catch(() => undefined)
    if (!isSameFilter(search, this.app.search) || this.app.me === undefined) return false
    this.total = total
    this.app.redraw()
    return true
  }

  /** Whether messages of the search are not shown. */
  get hasMore() {
    return this.next !== null || this.more.length > 0
  }

  /**
   * @param {number} limit
   * @param {string | null} before
   * @returns {Promise<{ messages: Summary[], next: string | null, damaged: number, damagedIds: readonly string[] }>}
   */
  #listed(limit, before) {
    return ask(`messages?${this.#query({ limit: String(limit), before: before ?? '' })}`)
  }

  /** All messages of the search, also those that are not shown. */
  async #all() {
    let listed = await this.#listed(LISTED_MAX, null)
    const all = { ...listed }
    while (listed.next !== null) {
      listed = await this.#listed(LISTED_MAX, listed.next)
      all.messages = [...all.messages, ...listed.messages]
      all.damaged += listed.damaged
    }
    return { ...all, next: null }
  }

  /**
   * Messages in the order of the search. The odd ones of all are known once all are.
   *
   * @param {number} limit
   * @param {string | null} before
   */
  async #ordered(limit, before) {
    if (this.app.search.order === '')
      return { ...(await this.#listed(limit, before)), more: [], alike: new Map() }
    const all = await this.#all()
    const groups = alikeGroups(all.messages)
    const ordered = groups.flat()
    const alike = new Map(
      groups.flatMap((group) => (group.length > FEW_ALIKE ? group.map(({ id }) => [id, group.length]) : [])), // biome-ignore format: a line
    )
    return { ...all, messages: ordered.slice(0, limit), more: ordered.slice(limit), alike }
  }

  /** The search as the API has it. */
  #query(more = {}) {
    const { search, kind, recipient, from, to, show } = this.app.search
    const words = {
      ...more,
      ...{ search, recipient, grounds: kind, state: show },
      since: startOfDay(from, 0),
      until: startOfDay(to, 1),
    }
    return new URLSearchParams(Object.entries(words).filter(([, value]) => value !== ''))
  }

  /** @param {Event} event */
  onToggle = (event) => {
    this.hasFilters = /** @type {HTMLDetailsElement} */ (event.target).open
    this.app.redraw()
  }

  /** Something was typed: it is searched for with the button or Enter. @param {Event} event */
  onType = (event) => {
    const { name, value } = /** @type {HTMLInputElement} */ (event.target)
    this.typed = { ...this.typed, [name]: value }
    if (this.app.answer?.place === 'days') this.app.answer = undefined
    this.app.redraw()
  }

  /** Whether the fields have something that was not searched for yet. */
  get isTyped() {
    return !isSameFilter(this.app.search, { ...this.app.search, ...this.typed })
  }

  /** What was chosen among a few is searched for at once. Days are typed digit by digit. @param {Event} event */
  onChoose = (event) => {
    if (event.target instanceof HTMLSelectElement && !narrow.matches) this.#search()
  }

  /** Arrow down goes to the first message, past the filters and buttons. @param {KeyboardEvent} event */
  onSearchKey = (event) => {
    const [first] = this.messages
    if (event.key !== 'ArrowDown' || first === undefined) return
    event.preventDefault()
    focus(`m-${first.id}`)
  }

  /** Searches, and closes a message that is not found: its buttons would stand beside other messages. @param {Event} event */
  onSearch = async (event) => {
    event.preventDefault()
    if (!(await this.#search())) return
    const { message } = this.app.search
    if (!this.isLoaded || message === '' || this.#has(message)) return
    const before = /** @type {HTMLElement} */ (document.activeElement)
    await this.app.go({ message: '' }, 'replace')
    before.focus()
    this.app.tell(`${listTitle(this.app)}. The open message is not among them, and was closed.`)
  }

  /** Whether a message is listed. @param {string} id */
  #has(id) {
    return [...this.messages, ...this.more].some((message) => message.id === id)
  }

  /** Searches for what was typed and chosen. Resolves to whether the search is another one than before. */
  async #search() {
    const typed = Object.entries(this.typed).map(([name, value]) => [name, value.trim()])
    const words = Object.fromEntries(typed)
    const { from, to } = { ...this.app.search, ...words }
    if (from !== '' && to !== '' && from > to) {
      this.app.say('days', 'The first day is after the last day.', true)
      focus('first-day')
      return false
    }
    this.typed = {}
    if (narrow.matches) {
      // The list is below the search.
      this.hasFilters = false
      focus('list-title')
    }
    const isNew = !isSameFilter(this.app.search, { ...this.app.search, ...words })
    await (isNew ? this.app.go(words) : this.load())
    return isNew
  }

  onRefresh = () => {
    if (!this.isLoading) this.load()
  }

  async showMore() {
    if (this.isLoading || this.app.isBusy) return
    const { length } = this.messages
    if (this.more.length > 0) {
      this.messages = [...this.messages, ...this.more.slice(0, PAGE)]
      this.more = this.more.slice(PAGE)
      this.app.redraw()
    } else await this.load({ isFirst: false })
    const first = this.messages[length]
    if (first) focus(`m-${first.id}`)
  }

  /** Selects more messages. @param {readonly Summary[]} messages */
  select(messages) {
    for (const message of messages) {
      this.selected.set(message.id, message)
      this.selectedBefore.delete(message.id)
    }
    this.#onSelected()
  }

  /** How many of those that were selected in another search are not listed now, in words. Of a list that goes on, it is not known what else is in it. */
  get hiddenText() {
    const listed = new Set([...this.messages, ...this.more].map(({ id }) => id))
    const hidden = [...this.selected.keys()].filter((id) => this.selectedBefore.has(id) && !listed.has(id)) // biome-ignore format: a line
    if (hidden.length === 0) return ''
    const some = hidden.length === this.selected.size ? '' : `${hidden.length.toLocaleString('en')} of them ` // biome-ignore format: a line
    return some + (this.next === null ? 'in another search' : 'not shown here')
  }

  /** `3 selected, 2 of them in another search` */
  selectedText(number = this.selected.size.toLocaleString('en')) {
    return [`${number} selected`, this.hiddenText].filter(Boolean).join(', ')
  }

  #onSelected() {
    if (this.app.answer?.place === 'list') this.app.answer = undefined
    this.app.redraw()
    const { size } = this.selected
    this.app.tell(size === 0 ? NOTHING_SELECTED : this.selectedText(count(size, 'message')))
  }

  selectNone() {
    if (this.app.isBusy) return
    this.selected.clear()
    this.#onSelected()
    focus('list-title')
  }

  /** @param {Summary} message */
  toggle(message) {
    if (!this.selected.delete(message.id)) this.selected.set(message.id, message)
    this.#onSelected()
  }

  /**
   * Keys in a row: the arrows, Home and End go to the box or link of another one, and Delete deletes what is selected.
   *
   * @param {KeyboardEvent} event
   */
  onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const here = /** @type {HTMLElement} */ (event.target)
    const rows = [.../** @type {HTMLElement} */ (event.currentTarget).children]
    const at = rows.findIndex((row) => row.contains(here))
    const goTo = (/** @type {Element | undefined} */ row) => {
      const alike = row?.querySelector(here.matches('input') ? 'input' : 'a')
      if (alike instanceof HTMLElement) alike.focus()
    }
    const there = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key]
    if (there !== undefined) {
      event.preventDefault()
      goTo(rows[there])
    }
    if (event.key === 'Delete' && this.app.may('delete')) {
      const isLeft = (/** @type {Element} */ row) => row.isConnected
      const goOn = () => {
        const next = rows.slice(at).find(isLeft) ?? rows.findLast(isLeft)
        if (next) goTo(next)
        else focus('list-title')
      }
      if (this.selected.size > 0) this.deleteSelected(goOn)
      else this.app.tell(NOTHING_SELECTED)
    }
  }

  /** @param {Event} event */
  onSelectShown = (event) => {
    const { checked } = /** @type {HTMLInputElement} */ (event.target)
    if (checked) return this.select(this.messages)
    for (const { id } of this.messages) this.selected.delete(id)
    this.#onSelected()
  }

  /** Selects all messages of the search, also those that are not shown. */
  selectFound() {
    return this.app.act('list', async () => {
      this.isSelecting = true
      this.app.redraw()
      this.app.tell('Selecting…', SLOW)
      const { messages } = await this.#all().finally(() => {
        this.isSelecting = false
      })
      this.select(messages)
      focus('select-shown') // the button leaves when nothing is left to select
    })
  }

  /**
   * What is selected, for a question: the number of each kind, and what is in it, first the odd ones.
   *
   * @param {readonly Summary[]} messages
   */
  #summary(messages) {
    const byKind = new Map()
    for (const { grounds } of messages) byKind.set(grounds, (byKind.get(grounds) ?? 0) + 1)
    const kinds = [...byKind].map(
      ([grounds, number]) => `${kindText(grounds)}: ${number.toLocaleString('en')}`,
    )
    const groups = alikeGroups(messages)
    const named = groups.length > GROUPS_NAMED ? groups.slice(0, GROUPS_NAMED - 1) : groups
    const others = messages.length - named.flat().length
    return [
      this.hiddenText,
      kinds.join(', '),
      ...named.map(groupText),
      others === 0 ? '' : `and ${count(others, 'more message')}`,
    ].filter(Boolean)
  }

  /** What is selected, as the list shows it now. */
  get #selectedNow() {
    const listed = new Map(this.messages.map((message) => [message.id, message]))
    return [...this.selected.values()].map((message) => listed.get(message.id) ?? message)
  }

  /** @param {() => void} [goOn] moves the focus afterwards */
  deleteSelected(goOn) {
    const messages = this.#selectedNow
    return this.app.act('list', async () => {
      const words = `Delete ${count(messages.length, 'message')}?`
      const more = [`${messages.length === 1 ? 'The message' : 'They'} cannot be restored.`]
      const lines = this.#summary(messages)
      const yes = messages.length === 1 ? 'Delete' : `Delete ${count(messages.length, 'message')}`
      if (!(await this.app.agrees(words, yes, { more, lines }))) return
      const work = (/** @type {string[]} */ ids) =>
        ask('messages/delete', { method: 'POST', body: { ids } })
      await this.#forAll(messages, DELETED_MAX, ['deleted', 'Deleting'], work, goOn)
    })
  }

  releaseSelected() {
    const messages = this.#selectedNow
    return this.app.act('list', async () => {
      const others = this.#notReleased(messages)
      const own = messages.filter((message) => !others.includes(message))
      const [first] = own
      const some = others.length === 0 ? '' : `${own.length.toLocaleString('en')} of `
      const words = `Release ${some}${count(messages.length, 'message')}${toRecipients(own)}?`
      const danger = own.length === 1 && first ? warningText(first) : dangerOfMany(own)
      const more = [danger, stayText(others), 'A release cannot be called back.'].filter(Boolean)
      const lines = this.#summary(own)
      const yes = messages.length === 1 ? 'Release' : `Release ${count(own.length, 'message')}`
      if (!(await this.app.agrees(words, yes, { more, lines }))) return
      await this.#forAll(messages, RELEASED_MAX, ['released', 'Releasing'], (ids) =>
        this.app.sendOnce(ids, (key) =>
          ask('messages/release', { method: 'POST', body: { ids }, key }),
        ),
      )
    })
  }

  /** The messages that the token does not let the person release. Throws a Problem if these are all. @param {readonly Summary[]} messages */
  #notReleased(messages) {
    const { releases } = this.app.me ?? {}
    const others = messages.filter(({ grounds }) => releases?.includes(grounds) === false)
    if (others.length > 0 && others.length === messages.length) throw new Problem('not-this-kind')
    return others
  }

  /**
   * Acts on messages in blocks, and reports how many are done and which are not. Those that are done, or gone, leave the list and
   * the selection; the list stays where it is.
   *
   * @param {readonly Summary[]} messages
   * @param {number} max
   * @param {readonly [done: string, doing: string]} words
   * @param {(ids: string[]) => Promise<{ results: readonly { id: string, problem?: Partial<import('./words.js').Failure> & { type?: string } }[] }>} work
   * @param {() => void} [goOn] moves the focus, if all could be done
   */
  async #forAll(messages, max, [done, doing], work, goOn = () => focus('list-title')) {
    let [number, released, gone] = [0, 0, 0]
    /** What could not be done, by the reason. @type {Map<string, Summary[]>} */
    const failed = new Map()
    /** @type {Problem | undefined} */
    let stopped
    this.app.tell(`${doing}…`, SLOW)
    for (let from = 0; from < messages.length && stopped === undefined; from += max) {
      const block = messages.slice(from, from + max)
      if (messages.length > max)
        this.app.say(
          'list',
          `${doing} ${from.toLocaleString('en')} of ${count(messages.length, 'message')}.`,
        )
      try {
        const { results } = await work(block.map(({ id }) => id))
        const resultOf = new Map(results.map((result) => [result.id, result]))
        const left = new Set()
        for (const message of block) {
          const { problem } = resultOf.get(message.id) ?? { problem: {} }
          const code = problem && (codeOf(problem) ?? 'internal')
          if (code === undefined) number++
          // Another user was faster.
          else if (code === 'released') released++
          else if (code === 'no-message') gone++
          else {
            left.add(message.id)
            const why = problemOfMany({ ...problem, code }, message.recipientCount)
            failed.set(why, [...(failed.get(why) ?? []), message])
          }
        }
        this.drop(block.map(({ id }) => id).filter((id) => !left.has(id)))
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        stopped = error
      }
    }
    if (stopped && isAboutRights(stopped.code))
      return this.app.fail('list', stopped, number > 0 ? `${count(number, 'message')} ${done} before.` : '') // biome-ignore format: a line
    const failures = [...failed.values()].flat().length
    const left = messages.length - number - released - gone - failures
    const again = done === 'released' ? ': to release them again is safe, each is sent once' : ''
    const all = [
      number > 0 && `${count(number, 'message')} ${done}.`,
      released && `${wasOrWere(released)} released already, by another user.`,
      gone && `${wasOrWere(gone)} deleted already, or too old.`,
      failures &&
        `${failures.toLocaleString('en')} could not be ${done}, and ${failures === 1 ? 'stays' : 'stay'} selected:`,
      stopped && problems[stopped.code],
      stopped && `${count(left, 'message')} ${left === 1 ? 'remains' : 'remain'} selected${again}.`, // biome-ignore format: a line
    ].filter(Boolean)
    const isBad = failures > 0 || stopped !== undefined
    this.app.say('list', all.join(' '), isBad, [...failed].map(failureLine))
    this.app.tell('') // it is read once the focus is where it stays
    await this.#renew()
    if (isBad) focus('list-title')
    else goOn()
    this.app.tellAnswer()
  }

  /** Reads the list again, as far as it was shown. It stays as it is if that fails. */
  async #renew() {
    const { search } = this.app
    const limit = Math.min(LISTED_MAX, Math.max(PAGE, this.messages.length))
    const listed = await this.#ordered(limit, null).catch(() => undefined)
    if (listed === undefined || search !== this.app.search) return
    Object.assign(this, { ...listed, loadedAt: new Date().toISOString() })
    this.app.redraw()
    await this.#count()
  }

  /** A message of the list was released to some of its recipients. @param {Summary} message */
  update({ id, state, releasedCount }) {
    this.messages = this.messages.map((message) =>
      message.id === id ? { ...message, state, releasedCount } : message,
    )
    this.app.redraw()
  }

  /** Takes messages out of the list and the selection. @param {readonly string[]} ids */
  drop(ids) {
    const gone = new Set(ids)
    const found = this.messages.findIndex(({ id }) => id === this.app.search.message)
    if (found >= 0) this.place = found
    this.messages = this.messages.filter(({ id }) => !gone.has(id))
    this.more = this.more.filter(({ id }) => !gone.has(id))
    if (this.total) this.total = { ...this.total, count: this.total.count - gone.size }
    this.isEmptied = this.messages.length === 0 && !this.hasMore
    for (const id of ids) this.selected.delete(id)
    this.app.redraw()
  }
}

/** Upper limit for the lines of a question, each about a message or several that are alike. */
const GROUPS_NAMED = 8

/** `“Offer” from … to …`, `60 like “Invoice 7” from …`. @param {readonly Summary[]} group */
function groupText(group) {
  const [first] = group
  if (first === undefined) return ''
  const words = `“${subjectOf(first)}” from ${writerOf(first)}`
  if (group.length > 1) return `${group.length.toLocaleString('en')} like ${words}`
  const released = first.state === 'released' ? '' : releasedText(first)
  return `${words} to ${recipientsText(first)}${released && ` (${released})`}`
}

/** How many of several messages are not released, in a sentence, or ''. @param {readonly Summary[]} others */
function stayText(others) {
  if (others.length === 0) return ''
  const kinds = [...new Set(others.map(({ grounds }) => kindText(grounds)))].join(', ')
  const stays = others.length === 1 ? 'stays' : 'stay'
  return `Your token does not let you release ${count(others.length, 'other')} (${kinds}), which ${stays} in quarantine.`
}

/** ` to all their recipients (57)`, without those who have a message: a release leaves them out. @param {readonly Summary[]} messages */
function toRecipients(messages) {
  const have = messages.reduce((sum, { state, releasedCount }) => sum + (state === 'released' ? 0 : releasedCount), 0) // biome-ignore format: a line
  const recipients = messages.reduce((sum, { recipientCount }) => sum + recipientCount, -have)
  const isPart = have > 0
  if (messages.length === 1)
    return ` to ${isPart ? `the ${count(recipients, 'recipient')} who lack${recipients === 1 ? 's' : ''} it` : count(recipients, 'recipient')}`
  const isOneEach = messages.every(({ recipientCount }) => recipientCount === 1)
  if (isOneEach) return ', each to its recipient'
  return ` to all their recipients ${isPart ? 'who lack them ' : ''}(${recipients.toLocaleString('en')})`
}

/** @param {number} number */
const wasOrWere = (number) => `${number.toLocaleString('en')} ${number === 1 ? 'was' : 'were'}`

/** Upper limit for the messages of a failure that are linked. */
const LINKED = 3

/**
 * The messages with which something could not be done for the same reason, as a line of an answer.
 *
 * @param {[why: string, messages: readonly Summary[]]} failure
 */
const failureLine = ([why, messages]) => ({
  links: messages.slice(0, LINKED).map((message) => ({
    message: message.id,
    words: `“${subjectOf(message)}” from ${writerOf(message)}`,
  })),
  words: `${messages.length > LINKED ? ` and ${messages.length - LINKED} more` : ''}: ${why}`,
})

/**
 * The start of a day in the time zone of the reader, or of the day after it.
 *
 * @param {string} day `2026-11-29`, or '' for none
 * @param {0 | 1} after
 */
function startOfDay(day, after) {
  const [year = Number.NaN, month = 1, date = 1] = day.split('-').map(Number)
  const time = new Date(year, month - 1, date + after)
  return day === '' || Number.isNaN(time.getTime()) ? '' : time.toISOString()
}

/**
 * @param {Search} search
 * @param {Search} other
 */
export function isSameFilter({ message, ...filter }, other) {
  return Object.entries(filter).every(
    ([name, value]) => other[/** @type {keyof Search} */ (name)] === value,
  )
}
