// The messages of a search, the selection, and what is done with it.
import { focus } from './focus.js'
import { listTitle, recipientsText, subjectOf, writerOf } from './list-view.js'
import { ask, codeOf, Problem } from './session.js'
import { count, firstLines, kindText, problemOfMany, problems, warningText } from './words.js'

/** @import { App, Search } from './app.js' */
/** @import { Summary } from './answers.js' */

/** Messages that the list shows at first, and further ones at a time. */
const PAGE = 100
/** Messages in one request: to list, delete and release. */
const LISTED_MAX = 10_000
const DELETED_MAX = 1000
const RELEASED_MAX = 100

/** Milliseconds after which the page says that it is still searching. */
const SLOW = 2000

export class List {
  /** @type {Summary[]} */
  messages = []
  /** Where further ones begin. @type {string | null} */
  next = null
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
      const listed = await this.#listed(PAGE, isFirst ? null : this.next)
      if (search !== this.app.search && !isSameFilter(search, this.app.search)) return
      const messages = isFirst ? listed.messages : [...this.messages, ...listed.messages]
      this.damaged = listed.damaged + (isFirst ? 0 : this.damaged)
      if (isFirst || this.damagedIds.length === 0) this.damagedIds = listed.damagedIds
      Object.assign(this, { messages, next: listed.next, loadedAt: new Date().toISOString() })
      Object.assign(this, { isLoading: false, isSearching: false, isLoaded: true })
      if (isFirst) this.isEmptied = false
      if (isFirst && this.app.answer?.place === 'list') this.app.answer = undefined
      if (isFirst) this.total = undefined
      this.app.redraw()
      this.#announce(isFirst, isTold)
    } catch (error) {
      Object.assign(this, { isLoading: false, isSearching: false })
      if (isFirst) Object.assign(this, { messages: [], next: null, isLoaded: false, damaged: 0 })
      this.app.fail('list', error)
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
    if (this.next === null) return true
    const total = await ask(`messages/count?${this.#query()}`).catch(() => undefined)
    if (!isSameFilter(search, this.app.search) || this.app.me === undefined) return false
    this.total = total
    this.app.redraw()
    return true
  }

  /**
   * @param {number} limit
   * @param {string | null} before
   * @returns {Promise<{ messages: Summary[], next: string | null, damaged: number, damagedIds: string[] }>}
   */
  #listed(limit, before) {
    return ask(`messages?${this.#query({ limit: String(limit), before: before ?? '' })}`)
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
    if (event.target instanceof HTMLSelectElement) this.#search()
  }

  /** Searches, and closes a message that is not found: its buttons would stand beside other messages. @param {Event} event */
  onSearch = async (event) => {
    event.preventDefault()
    if (!(await this.#search())) return
    const { message } = this.app.search
    if (this.isLoaded && message !== '' && this.messages.every(({ id }) => id !== message))
      await this.app.go({ message: '' }, 'replace')
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
    await this.load({ isFirst: false })
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

  /** How many of those that are selected only another search lists, in words. */
  get hiddenText() {
    const listed = new Set(this.messages.map(({ id }) => id))
    const hidden = [...this.selected.keys()].filter((id) => this.selectedBefore.has(id) && !listed.has(id)) // biome-ignore format: a line
    return hidden.length === 0 ? '' : `${hidden.length.toLocaleString('en')} of them in another search` // biome-ignore format: a line
  }

  /** `3 selected, 2 of them in another search` */
  selectedText(number = this.selected.size.toLocaleString('en')) {
    return [`${number} selected`, this.hiddenText].filter(Boolean).join(', ')
  }

  #onSelected() {
    if (this.app.answer?.place === 'list') this.app.answer = undefined
    this.app.redraw()
    const { size } = this.selected
    this.app.tell(size === 0 ? 'Nothing is selected' : this.selectedText(count(size, 'message')))
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
      /** @type {Summary[]} */
      const found = []
      /** @type {string | null} */
      let next = null
      do {
        const page = await this.#listed(LISTED_MAX, next)
        found.push(...page.messages)
        next = page.next
      } while (next !== null)
      this.select(found)
    })
  }

  /**
   * What is selected, for a question: the number of each kind, and the first subjects.
   *
   * @param {readonly Summary[]} messages
   */
  #summary(messages) {
    const byKind = new Map()
    for (const { grounds } of messages) byKind.set(grounds, (byKind.get(grounds) ?? 0) + 1)
    const kinds = [...byKind].map(
      ([grounds, number]) => `${kindText(grounds)}: ${number.toLocaleString('en')}`,
    )
    const subjects = messages.map(
      (message) =>
        `“${subjectOf(message)}” from ${writerOf(message)} to ${recipientsText(message)}`,
    )
    return [this.hiddenText, kinds.join(', '), ...firstLines(subjects, 'message')].filter(Boolean)
  }

  deleteSelected() {
    const messages = [...this.selected.values()]
    return this.app.act('list', async () => {
      const words = `Delete ${count(messages.length, 'message')}?`
      const more = [`${messages.length === 1 ? 'The message' : 'They'} cannot be restored.`]
      const lines = this.#summary(messages)
      if (!(await this.app.agrees(words, 'Delete', { more, lines }))) return
      await this.#forAll(messages, DELETED_MAX, ['deleted', 'Deleting'], (ids) =>
        ask('messages/delete', { method: 'POST', body: { ids } }),
      )
    })
  }

  releaseSelected() {
    const messages = [...this.selected.values()]
    return this.app.act('list', async () => {
      const recipients = messages.reduce((sum, { recipientCount }) => sum + recipientCount, 0)
      const whom =
        messages.length === 1
          ? count(recipients, 'recipient')
          : `their recipients, ${recipients.toLocaleString('en')} in all`
      const words = `Release ${count(messages.length, 'message')} to ${whom}?`
      const [first] = messages
      const danger = messages.length === 1 && first ? warningText(first) : 'Opening them may do harm.' // biome-ignore format: a line
      const more = [danger, 'A release cannot be called back.']
      const lines = this.#summary(messages)
      if (!(await this.app.agrees(words, 'Release', { more, lines }))) return
      await this.#forAll(messages, RELEASED_MAX, ['released', 'Releasing'], (ids) =>
        this.app.sendOnce(ids, (key) =>
          ask('messages/release', { method: 'POST', body: { ids }, key }),
        ),
      )
    })
  }

  /**
   * Acts on messages in blocks, and reports how many are done and which are not. Those that are done, or gone, leave the list and
   * the selection; the list stays where it is.
   *
   * @param {readonly Summary[]} messages
   * @param {number} max
   * @param {readonly [done: string, doing: string]} words
   * @param {(ids: string[]) => Promise<{ results: readonly { id: string, problem?: Partial<import('./words.js').Failure> & { type?: string } }[] }>} work
   */
  async #forAll(messages, max, [done, doing], work) {
    let [number, already] = [0, 0]
    /** @type {string[]} */
    const failed = []
    /** @type {Problem | undefined} */
    let stopped
    for (let from = 0; from < messages.length && stopped === undefined; from += max) {
      const block = messages.slice(from, from + max)
      if (messages.length > max)
        this.app.say(
          'list',
          `${doing} ${from.toLocaleString('en')} of ${count(messages.length, 'message')}.`,
        )
      try {
        const { results } = await work(block.map(({ id }) => id))
        const left = new Set()
        for (const { id, problem } of results) {
          if (problem === undefined) number++
          else {
            const code = codeOf(problem) ?? 'internal'
            // Another user was faster.
            if (['no-message', 'released'].includes(code)) {
              already++
              continue
            }
            left.add(id)
            const message = this.selected.get(id)
            failed.push(
              `${message ? subjectOf(message) : id}: ${problemOfMany({ ...problem, code })}`,
            )
          }
        }
        this.drop(block.map(({ id }) => id).filter((id) => !left.has(id)))
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        stopped = error
      }
    }
    if (stopped?.code === 'no-token') throw stopped
    const left = messages.length - number - already - failed.length
    const why =
      stopped &&
      `${problems[stopped.code]} ${count(left, 'message')} ${left === 1 ? 'remains' : 'remain'} selected${done === 'released' ? ': to release them again is safe, each is sent once' : ''}.`
    const all = [
      `${count(number, 'message')} ${done}.`,
      already
        ? `${already.toLocaleString('en')} ${already === 1 ? 'was' : 'were'} ${done} already${done === 'released' ? ', or deleted' : ''}.`
        : '',
      failed.length ? `${failed.length} could not be ${done}:` : '',
      why,
    ].filter(Boolean)
    const isBad = failed.length > 0 || stopped !== undefined
    this.app.say('list', all.join(' '), isBad, firstLines(failed, 'message'))
    await this.#renew()
    focus('list-title')
  }

  /** Reads the list again, as far as it was shown. It stays as it is if that fails. */
  async #renew() {
    const { search } = this.app
    const limit = Math.min(LISTED_MAX, Math.max(PAGE, this.messages.length))
    const listed = await this.#listed(limit, null).catch(() => undefined)
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
    if (this.total) this.total = { ...this.total, count: this.total.count - gone.size }
    this.isEmptied = this.messages.length === 0
    for (const id of ids) this.selected.delete(id)
    this.app.redraw()
  }
}

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
