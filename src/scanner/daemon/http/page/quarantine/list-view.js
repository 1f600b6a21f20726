// The list: its search, the messages, and what is done with the selected ones.
import { html, nothing } from 'lit-html'
import { live } from 'lit-html/directives/live.js'
import { repeat } from 'lit-html/directives/repeat.js'
import { SEARCH_MAX } from '../../../../../base/text/search-words.ts'
import { isSameAddress } from '../../../../scan/replies/found-in-words.ts'
import { visible } from '../elements.js'
import { answerAt, isWrong } from './answer.js'
import { onSkip } from './focus.js'
import {
  clockText,
  count,
  findingOf,
  kindsInWords,
  kindText,
  releasedText,
  sizeText,
  timeText,
} from './words.js'

/** @import { App, Search } from './app.js' */
/** @import { Summary } from './answers.js' */

/** @param {App} app */
export function listView(app) {
  const { list } = app
  return html`<section class="list" aria-label="Messages">
    ${searchForm(app)}
    <div class="bar buttons">
      <h2 id="list-title" tabindex="-1">${listTitle(app)}</h2>
      ${app.mayChange ? selectionBar(app) : nothing}
      <span class="state buttons"><span class="hint">${list.isLoaded ? `as of ${clockText(list.loadedAt)}` : ''}</span>
        <button type="button" aria-disabled=${list.isLoading} @click=${list.onRefresh}>${list.isLoaded || list.isLoading ? 'Refresh' : 'Try again'}</button></span>
      ${answerAt(app, 'list')}
    </div>
    ${list.damaged === 0 ? nothing : html`<p class="hint">${count(list.damaged, 'message')} cannot be read${list.damagedIds.length ? `: ${list.damagedIds.join(', ')}` : ''}. Inform your mail administrator.</p>`}
    ${emptyNote(app)}
    <ul class=${list.isSearching ? 'messages old' : 'messages'} @keydown=${list.onKey}>
      ${repeat(
        list.messages,
        ({ id }) => id,
        (message) => item(app, message),
      )}
    </ul>
    <p class="buttons">
      ${list.hasMore ? html`<button type="button" aria-disabled=${list.isLoading || app.isBusy} @click=${() => app.list.showMore()}>Show more</button>` : nothing}
    </p>
  </section>`
}

/** @param {App} app */
export function listTitle({ list, search }) {
  const { messages, hasMore, isSearching, isLoaded, isEmptied, total } = list
  if (isSearching || (messages.length === 0 && hasMore)) return 'Searching…'
  if (!isLoaded) return 'The messages cannot be shown'
  const kind = search.show === 'released' ? 'released ' : ''
  if (messages.length === 0) {
    const isFiltered = isNarrowed(search)
    if (isEmptied)
      return isFiltered ? 'Nothing is left of this search' : `No ${kind}message is left`
    return isFiltered
      ? `No ${kind}message was found`
      : `There is no ${kind}message${kind ? '' : ' in quarantine'}`
  }
  const shown = messages.length
  const first = search.order === '' ? 'The newest' : 'The first'
  if (!hasMore || total === undefined)
    return `${hasMore ? `${first} ` : ''}${count(shown, `${kind}message`)}`
  const atLeast = total.isComplete ? '' : 'more than '
  return `${first} ${shown.toLocaleString('en')} of ${atLeast}${count(total.count, `${kind}message`)}`
}

/** The search without any words and filters. */
export const EVERYTHING = { search: '', show: '', kind: '', recipient: '', from: '', to: '' }

/** Whether a search has words or filters. @param {Search} search */
const isNarrowed = ({ search, kind, recipient, from, to }) =>
  [search, kind, recipient, from, to].some(Boolean)

/** @param {App} app @param {Partial<Search>} changes @param {string} words */
export const searchLink = (app, changes, words) =>
  html`<a href=${app.addressOf(changes)} @click=${(/** @type {MouseEvent} */ event) => app.onLink(event, changes, 'list-title')}>${words}</a>`

/**
 * What a search that finds nothing does not list, and the way to it.
 *
 * @param {App} app
 */
function emptyNote(app) {
  const { list, search, me } = app
  const { messages, hasMore, isLoaded } = list
  if (!isLoaded || list.isSearching || messages.length > 0 || hasMore) return nothing
  const { show, kind, recipient, from, to } = search
  const isReleased = show === 'released'
  const listed = { '': 'wait in quarantine', released: 'were released', all: 'are in quarantine' }[
    show
  ]
  const isLimited = me?.domains !== undefined
  /** @type {(changes: Partial<Search>, words: string) => unknown} */
  const link = (changes, words) => html`<li>${searchLink(app, changes, words)}</li>`
  return html`<div class="empty">
    ${isNarrowed(search) || isReleased ? html`<p>Only messages that ${listed} are listed here${isLimited ? ', and only those for your recipients' : ''}. Deleted messages cannot be listed; your mail administrator finds them in the log.</p>` : nothing}
    ${/^\W*[a-z]{0,4}\W?\d{0,4}\W*$/i.test(search.search) && search.search !== '' ? html`<p>A number has four letters and four digits, such as BKTX-4821.</p>` : nothing}
    ${/(^|\s)-\S/.test(search.search) ? html`<p>A minus sign excludes the word behind it.</p>` : nothing}
    <ul>
      ${show === 'all' ? nothing : link({ show: 'all' }, isReleased ? 'Show waiting messages, too' : 'Show released messages, too')}
      ${kind || recipient || from || to ? link({ kind: '', recipient: '', from: '', to: '' }, 'Search without the filters') : nothing}
    </ul>
  </div>`
}

/** Whether the screen is as narrow as that of a phone. */
export const narrow = matchMedia('(max-width: 40rem)')

/** @param {App} app */
function searchForm(app) {
  const { list } = app
  const search = { ...app.search, ...list.typed }
  /** @type {(name: 'from' | 'to', label: string, id: string) => unknown} */
  const day = (name, label, id) =>
    html`<label>${label}
      <input id=${id} name=${name} type="date" .value=${live(search[name])} aria-invalid=${isWrong(app, 'days')} aria-describedby="answer-days"></label>`
  const choices = html`<label>Show
      <select name="show" .value=${live(search.show)}>
        <option value="">waiting</option>
        <option value="released">released</option>
        <option value="all">waiting and released</option>
      </select></label>
    <label>Found
      <select name="kind" .value=${live(search.kind)}>
        <option value="">anything</option>
        ${kindsInWords.map(([word, name]) => html`<option value=${word}>${name}</option>`)}
      </select></label>
    <label>Order
      <select name="order" .value=${live(search.order)}>
        <option value="">newest first</option>
        <option value="odd">odd ones first</option>
      </select></label>`
  const words = html`<label>Search: sender, recipient, subject, file, virus, number
      <input name="search" type="search" .value=${live(search.search)} maxlength=${SEARCH_MAX} autocomplete="off" spellcheck="false" aria-describedby="search-hint" @keydown=${list.onSearchKey}></label>`
  const others = html`<label>Recipient
          <input name="recipient" type="text" .value=${live(search.recipient)} maxlength="200" autocomplete="off" spellcheck="false"></label>
        ${day('from', 'First day', 'first-day')}
        ${day('to', 'Last day', 'last-day')}`
  const send = html`<button type="submit" class=${list.isTyped ? 'first' : ''}>Search</button>`
  const hint = html`<p class="hint" id="search-hint">All words must occur. "Two words" in quotation marks count as one; -word excludes.</p>`
  const isSet = isNarrowed(app.search) || app.search.show !== ''
  const everything = isSet ? searchLink(app, EVERYTHING, 'Show all that wait') : nothing
  const { recipient, from, to } = app.search
  const set = [recipient, from, to].filter(Boolean).length
  return html`<form class="search" role="search" @submit=${list.onSearch} @input=${list.onType} @change=${list.onChoose}>
    ${
      narrow.matches
        ? html`<details class="fold" ?open=${list.hasFilters} @toggle=${list.onToggle}>
            <summary>${searchText(app.search)}</summary>
            <div>${words} ${choices} ${others} ${send}</div>
            ${answerAt(app, 'days')} ${hint}
          </details> ${everything}`
        : html`${words} ${choices} ${send} ${everything}
          <details ?open=${set > 0 || list.hasFilters} @toggle=${list.onToggle}>
            <summary>${set === 0 ? 'More filters' : `More filters: ${set} set`}</summary>
            <div>${others}</div>
            ${answerAt(app, 'days')}
          </details> ${hint}`
    }
  </form>`
}

/** What is searched for, while the search is folded: `Search: invoice, 2 filters`. @param {Search} search */
function searchText({ search, show, kind, recipient, from, to }) {
  const set = [show, kind, recipient, from, to].filter(Boolean).length
  const words = [search, set === 0 ? '' : count(set, 'filter')].filter(Boolean).join(', ')
  return words === '' ? 'Search' : `Search: ${words}`
}

/** @param {App} app */
function selectionBar(app) {
  const { list, isBusy } = app
  const { selected } = list
  const shown = list.messages.length
  if (shown === 0 && selected.size === 0) return nothing
  const here = list.messages.filter(({ id }) => selected.has(id)).length
  const n = selected.size
  const those = html`<span class="visually-hidden"> ${n.toLocaleString('en')} selected</span>`
  const box = html`<label class="box"><input id="select-shown" type="checkbox" .checked=${live(here === shown)}
        .indeterminate=${here > 0 && here < shown} @change=${app.list.onSelectShown}>
      ${list.hasMore ? `Select these ${shown.toLocaleString('en')}` : 'Select all'}</label>`
  const { count: found, isComplete } = list.total ?? {}
  const all = found === undefined || !isComplete ? 'all found' : `all ${found.toLocaleString('en')}`
  return html`${shown === 0 ? nothing : box}
    ${
      list.hasMore && n !== found
        ? html`<button type="button" aria-disabled=${isBusy} @click=${() => app.list.selectFound()}>${list.isSelecting ? 'Selecting…' : `Select ${all}`}</button>`
        : nothing
    }
    ${
      n === 0
        ? nothing
        : html`<b>${list.selectedText()}</b>
            ${app.may('release') ? html`<button type="button" aria-disabled=${isBusy} @click=${() => app.list.releaseSelected()}>Release${those}</button>` : nothing}
            ${app.may('delete') ? html`<button type="button" aria-disabled=${isBusy} aria-keyshortcuts="Delete" @click=${() => app.list.deleteSelected()}>Delete${those}</button>` : nothing}
            <button type="button" aria-disabled=${isBusy} @click=${() => app.list.selectNone()}>Select none</button>`
    }`
}

/**
 * @param {App} app
 * @param {Summary} message
 */
function item(app, message) {
  const { id, time, found, grounds, sender, from, size } = message
  const isOpen = app.search.message === id
  const subject = subjectOf(message)
  const described = `f-${id} t-${id} w-${id}`
  return html`<li class=${isOpen ? 'open' : ''}>
    ${
      app.mayChange
        ? html`<label class="box"><input type="checkbox" .checked=${live(app.list.selected.has(id))}
            aria-label=${`Select ${subject}, from ${writerOf(message)}`} aria-describedby=${described} @change=${() => app.list.toggle(message)}></label>`
        : nothing
    }
    <a href=${app.addressOf({ message: id })} aria-current=${isOpen ? 'true' : 'false'} id=${`m-${id}`}
      aria-describedby=${described}
      @click=${(/** @type {MouseEvent} */ event) => app.onLink(event, { message: id })}>
      <b dir="auto">${subject}</b> <span class="from">from <bdi>${writerOf(message)}</bdi></span>
      ${isSameAddress(from, sender) ? nothing : html`<span class="sender">${sender === '' ? 'no sender address' : html`sent by <bdi>${visible(sender)}</bdi>`}</span>`}
    </a>
    <p class="found" id=${`f-${id}`}><span class="kind">${kindText(grounds)}${found === null ? '' : ':'}</span> ${
      found === null
        ? nothing
        : html`<span>${findingOf(message)
            .split(/(?<=\.)/)
            .map((part) => html`${part}<wbr>`)}</span>`
    }</p>
    <p class="to" id=${`t-${id}`}>to <bdi>${recipientsText(message)}</bdi></p>
    <p class="when" id=${`w-${id}`}><time datetime=${time}>${timeText(time)}</time><i class="visually-hidden">, </i>
      <span>${[alikeText(app, message), stateText(app, message), sizeText(size)].filter(Boolean).join(', ')}</span></p>
    ${app.list.selected.has(id) ? html`<a class="skip" href="#list-title" @click=${onSkip}>Back to the buttons</a>` : nothing}
  </li>`
}

/** `60 alike` @param {App} app @param {Summary} message */
function alikeText({ list }, { id }) {
  const number = list.alike.get(id)
  return number === undefined ? '' : `${number.toLocaleString('en')} alike`
}

/** @param {App} app @param {Summary} message */
function stateText({ search }, message) {
  if (message.state === 'released') return search.show === 'all' ? 'released' : ''
  return [message.state === 'releasing' ? 'release interrupted' : '', releasedText(message)].filter(Boolean).join(', ') // biome-ignore format: a line
}

/** @param {Pick<Summary, 'subject'>} message */
export const subjectOf = ({ subject }) => visible(subject || '(no subject)')

/** `ann@example.org and 2 more`. @param {Pick<Summary, 'recipients' | 'recipientCount'>} message */
export const recipientsText = ({ recipients: [first = 'nobody'], recipientCount }) =>
  visible(first) + (recipientCount > 1 ? ` and ${recipientCount - 1} more` : '')

/** Who wrote it, as its reader sees it. @param {Pick<Summary, 'from' | 'sender'>} message */
export const writerOf = ({ from, sender }) => visible(from || sender || '(no sender)')
