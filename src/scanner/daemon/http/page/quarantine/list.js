// The messages of a search, the selection, and what is done with it.
import { at } from '../elements.js'
import { focus } from './focus.js'
import { listTitle, recipientsText, subjectOf, writerOf } from './list-view.js'
import { ask, codeOf, Problem } from './session.js'
import { count, kindText, problemOfMany, problems } from './words.js'

/** @import { App, Search } from './app.js' */
/** @import { Summary } from './answers.js' */

/** Messages that the list shows at first, and further ones at a time. */
const PAGE = 100
/** Messages in one request: to list, delete and release. */
const LISTED_MAX = 10_000
const DELETED_MAX = 1000
const RELEASED_MAX = 100
/** Lines of a question or an answer with one for each message. */
const LINES = 5

export class List {
  /** @type {Summary[]} */
  messages = []
  /** Where further ones begin. @type {string | null} */
  next = null
  /** Messages that were left out, because they cannot be read. */
  damaged = 0
  isLoading = false
  isLoaded = false
  /** @type {Map<string, Summary>} */
  selected = new Map()
  /** Further filters are shown. */
  hasFilters = false
  /** The place of the open message after it has left the list: that of the next one. */
  place = -1

  /** @param {App} app */
  constructor(app) {
    this.app = app
  }

  /** Loads the first page of the list, or appends the next one. */
  async load(isFirst = true) {
    const { search } = this.app
    this.isLoading = true
    this.app.redraw()
    try {
      const { messages, next, damaged } = await this.#listed(PAGE, isFirst ? null : this.next)
      if (search !== this.app.search && !isSameFilter(search, this.app.search)) return
      const all = isFirst ? messages : [...this.messages, ...messages]
      this.damaged = damaged + (isFirst ? 0 : this.damaged)
      Object.assign(this, { messages: all, next, isLoading: false, isLoaded: true })
      if (isFirst && this.app.answer?.place === 'list') this.app.answer = undefined
      this.app.redraw()
      if (isFirst && this.app.answer === undefined) at('said').textContent = listTitle(this.app)
    } catch (error) {
      this.isLoading = false
      if (isFirst) Object.assign(this, { messages: [], next: null, isLoaded: false })
      this.app.fail('list', error)
    }
  }

  /**
   * @param {number} limit
   * @param {string | null} before
   * @returns {Promise<{ messages: Summary[], next: string | null, damaged: number }>}
   */
  #listed(limit, before) {
    const { search, kind, recipient, from, to, show } = this.app.search
    const words = {
      ...{ search, recipient, grounds: kind, state: show, before: before ?? '' },
      since: startOfDay(from, 0),
      until: startOfDay(to, 1),
    }
    const set = Object.entries(words).filter(([, value]) => value !== '')
    return ask(`messages?${new URLSearchParams([['limit', String(limit)], ...set])}`)
  }

  /** @param {Event} event */
  onToggle = (event) => {
    this.hasFilters = /** @type {HTMLDetailsElement} */ (event.target).open
  }

  /** @param {Event} event */
  onSearch = (event) => {
    event.preventDefault()
    const form = /** @type {HTMLFormElement} */ (event.currentTarget)
    const isSubmit = event.type === 'submit'
    if (!isSubmit && /** @type {HTMLInputElement} */ (event.target).name === 'search')
      return undefined
    const words = Object.fromEntries(
      [...new FormData(form)].map(([name, value]) => [name, `${value}`.trim()]),
    )
    if (isSubmit && isSameFilter(this.app.search, { ...this.app.search, ...words }))
      return this.load()
    return this.app.go(words)
  }

  async showMore() {
    const { length } = this.messages
    await this.load(false)
    const first = this.messages[length]
    if (first) focus(`m-${first.id}`)
  }

  /** @param {readonly Summary[]} messages */
  select(messages) {
    this.selected = new Map(messages.map((message) => [message.id, message]))
    if (this.app.answer?.place === 'list') this.app.answer = undefined
    this.app.redraw()
  }

  selectNone() {
    this.select([])
    focus('list-title')
  }

  /** @param {Summary} message */
  toggle(message) {
    if (!this.selected.delete(message.id)) this.selected.set(message.id, message)
    this.app.redraw()
  }

  /** @param {Event} event */
  onSelectShown = (event) => {
    const { checked } = /** @type {HTMLInputElement} */ (event.target)
    this.select(checked ? this.messages : [])
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
      this.app.say('list', `${count(found.length, 'message')} selected.`)
    })
  }

  deleteSelected() {
    const messages = [...this.selected.values()]
    return this.app.act('list', async () => {
      const words = `Delete ${count(messages.length, 'message')}? ${messages.length === 1 ? 'It' : 'They'} cannot be restored.`
      if (!(await this.app.agrees(words, 'Delete', summaryOf(messages)))) return
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
      const words = `Release ${count(messages.length, 'message')} to ${whom}? What was found in them may do harm.`
      if (!(await this.app.agrees(words, 'Release', summaryOf(messages)))) return
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
   * @param {(ids: string[]) => Promise<{ results: readonly { id: string, problem?: { code?: import('./words.js').ProblemCode, type?: string, answer?: string } }[] }>} work
   */
  async #forAll(messages, max, [done, doing], work) {
    let number = 0
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
            if (!['no-message', 'released'].includes(code)) left.add(id)
            const message = this.selected.get(id)
            failed.push(
              `${message ? subjectOf(message) : id}: ${problemOfMany({ code, reply: problem.answer })}`,
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
    const left = messages.length - number - failed.length
    const more =
      failed.length > LINES ? [`and ${count(failed.length - LINES, 'more message')}`] : []
    const why =
      stopped &&
      `${problems[stopped.code]} ${count(left, 'message')} ${left === 1 ? 'remains' : 'remain'} selected${done === 'released' ? ': to release them again is safe, each is sent once' : ''}.`
    const all = [
      `${count(number, 'message')} ${done}.`,
      failed.length ? `${failed.length} not:` : '',
      why,
    ].filter(Boolean)
    this.app.say('list', all.join(' '), failed.length > 0 || stopped !== undefined, [
      ...failed.slice(0, LINES),
      ...more,
    ])
    focus('list-title')
    if (this.messages.length < PAGE / 2 && this.next !== null) await this.load(false)
  }

  /** Takes messages out of the list and the selection. @param {readonly string[]} ids */
  drop(ids) {
    const gone = new Set(ids)
    const found = this.messages.findIndex(({ id }) => id === this.app.search.message)
    if (found >= 0) this.place = found
    this.messages = this.messages.filter(({ id }) => !gone.has(id))
    for (const id of ids) this.selected.delete(id)
    this.app.redraw()
  }
}

/**
 * What is selected, for a question: the number of each kind, and the first subjects.
 *
 * @param {readonly Summary[]} messages
 */
function summaryOf(messages) {
  const byKind = new Map()
  for (const { grounds } of messages) byKind.set(grounds, (byKind.get(grounds) ?? 0) + 1)
  const kinds = [...byKind].map(
    ([grounds, number]) => `${kindText(grounds)}: ${number.toLocaleString('en')}`,
  )
  const subjects = messages
    .slice(0, LINES)
    .map(
      (message) =>
        `“${subjectOf(message)}” from ${writerOf(message)} to ${recipientsText(message)}`,
    )
  const rest = messages.length - subjects.length
  return [
    kinds.join(', '),
    ...subjects,
    ...(rest > 0 ? [`and ${count(rest, 'more message')}`] : []),
  ]
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
