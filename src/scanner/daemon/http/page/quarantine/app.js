// Who is signed in, what the address names, and what the person is asked and answered.
import { at } from '../elements.js'
import { focus } from './focus.js'
import { List } from './list.js'
import { Opened } from './opened.js'
import { Problem, signIn, signOut } from './session.js'
import { isUnfinished, problemText } from './words.js'

/** @import { Right } from '../../../../protocol/quarantine-api/exchange.ts' */
/** @import { Answer, Place } from './answer.js' */
/** @import { Me } from './answers.js' */
/** @typedef {{ words: string, lines: readonly string[], yes: string, end: (isAgreed: boolean) => void }} Question */

/** What the address holds: the search, and the open message. */
const NOTHING = { search: '', kind: '', recipient: '', from: '', to: '', show: '', message: '' }
/** @typedef {typeof NOTHING} Search */

export class App {
  /** @type {Me | undefined} */
  me
  /** Whether it is known whether the person is signed in. */
  isStarted = false
  /** An action is under way, and no other one may begin. */
  isBusy = false
  /** @type {Search} */
  search = NOTHING
  list = new List(this)
  opened = new Opened(this)
  /** @type {Answer | undefined} */
  answer
  /** @type {Question | undefined} */
  question
  /** The key of each release whose answer may have been lost: the same one is sent again, so that the mail is sent once. */
  #keys = /** @type {Map<string, string>} */ (new Map())
  /** Changes as soon as somebody signs out: what an action before that answers is not shown. */
  #session = {}
  #draw

  /** @param {(app: App) => void} draw shows all of it */
  constructor(draw) {
    this.#draw = draw
  }

  /** @param {Right} right */
  may(right) {
    return this.me?.may.includes(right) ?? false
  }

  get mayChange() {
    return this.may('release') || this.may('delete')
  }

  redraw = () => {
    this.#draw(this)
  }

  /**
   * Shows an answer where the action was, and has screen readers read it.
   *
   * @param {Place} place
   * @param {string} words
   * @param {boolean} [isBad]
   * @param {readonly string[]} [more]
   */
  say(place, words, isBad = false, more = []) {
    if ((place === 'sign-in') !== (this.me === undefined)) return
    this.answer = { place, words, isBad, more }
    this.redraw()
    at('said').textContent = [words, ...more].join(' ')
    document.querySelector('.answer')?.scrollIntoView({ block: 'nearest' })
  }

  /**
   * Carries out an action, one at a time. A problem is shown where the action was. Resolves to whether there was none. The
   * focus is then where it was before, unless the action moved it.
   *
   * @param {Place} place
   * @param {() => Promise<void>} work
   */
  async act(place, work) {
    if (this.isBusy) return false
    const session = this.#session
    const before = /** @type {HTMLElement} */ (document.activeElement)
    this.isBusy = true
    try {
      await work()
      return true
    } catch (error) {
      if (session === this.#session) this.fail(place, error)
      return false
    } finally {
      if (session === this.#session) {
        this.isBusy = false
        this.redraw()
        // A button that was disabled meanwhile has lost the focus.
        const { activeElement: now, body } = document
        if ((now === body || dialog()?.contains(now)) && before !== body) {
          if (before.isConnected) before.focus({ preventScroll: true })
          else focus(place === 'list' ? 'list-title' : 'message-title')
        }
      }
    }
  }

  /**
   * @param {Place} place
   * @param {unknown} error
   * @returns {void}
   */
  fail(place, error) {
    if (!(error instanceof Problem)) throw error
    if (error.code === 'no-token' && this.me !== undefined)
      return this.leave('Your token is no longer valid. Ask your mail administrator for a new one.')
    this.say(place, problemText(error), true)
  }

  // The address

  /** @param {Partial<Search>} changes */
  addressOf(changes) {
    const words = Object.entries({ ...this.search, ...changes }).filter(([, value]) => value !== '')
    const query = new URLSearchParams(words).toString()
    return location.pathname + (query && `?${query}`)
  }

  /** @param {Partial<Search>} changes */
  go(changes) {
    history.pushState(null, '', this.addressOf(changes))
    return this.followAddress()
  }

  /** Shows what the address names. */
  followAddress = async (isFirst = false) => {
    const before = this.search
    const query = new URLSearchParams(location.search)
    const words = Object.keys(NOTHING).map((name) => [name, query.get(name) ?? ''])
    this.search = { ...NOTHING, ...Object.fromEntries(words) }
    const { message, ...filter } = this.search
    const isSameList = Object.entries(filter).every(
      ([name, value]) => before[/** @type {keyof Search} */ (name)] === value,
    )
    const isSameMessage = message === before.message
    if (this.me === undefined) return this.redraw()
    if (isFirst || !isSameList) {
      this.list.select([])
      await Promise.all([
        this.list.load(),
        isFirst || !isSameMessage ? this.opened.open() : undefined,
      ])
    } else if (!isSameMessage) await this.opened.open()
    if (message === '' && before.message !== '') focus(`m-${before.message}`, 'list-title')
  }

  // Signing in and out

  /** @param {string} [entered] */
  async signIn(entered) {
    const isIn = await this.act('sign-in', async () => {
      this.me = await signIn(entered)
      this.answer = undefined
    })
    if (!isIn) return this.start()
    await this.followAddress(true)
    if (this.search.message === '') focus('list-title')
  }

  /** Shows the form for the token. */
  start() {
    this.isStarted = true
    this.redraw()
    focus('token')
  }

  /** @param {SubmitEvent} event */
  onSignIn = (event) => {
    event.preventDefault()
    const { value } = field('token')
    field('token').value = ''
    if (value.trim() !== '') this.signIn(value.trim())
  }

  /**
   * Forgets the token and all that was shown.
   *
   * @param {string} words
   */
  leave(words) {
    signOut()
    this.question?.end(false)
    this.#session = {}
    this.isBusy = false
    this.me = undefined
    this.list = new List(this)
    this.opened = new Opened(this)
    this.isStarted = true
    this.say('sign-in', words)
    focus('token')
  }

  /**
   * Asks a question, and resolves to whether the person agrees.
   *
   * @param {string} words
   * @param {string} yes
   * @param {readonly string[]} [lines]
   * @returns {Promise<boolean>}
   */
  async agrees(words, yes, lines = []) {
    const isAgreed = await new Promise((resolve) => {
      this.question = { words, lines, yes, end: resolve }
      this.redraw()
      dialog()?.showModal()
    })
    this.question = undefined
    dialog()?.close()
    return isAgreed
  }

  /**
   * Sends a release with the key that the same one was sent with before, if its answer was lost.
   *
   * @template Answer
   * @param {unknown} wanted
   * @param {(key: string) => Promise<Answer>} send
   */
  async sendOnce(wanted, send) {
    const text = JSON.stringify(wanted)
    const key = this.#keys.get(text) ?? makeKey()
    this.#keys.set(text, key)
    try {
      const answer = await send(key)
      this.#keys.delete(text)
      return answer
    } catch (error) {
      if (error instanceof Problem && isUnfinished(error.code)) this.#keys.delete(text)
      throw error
    }
  }
}

const makeKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')

/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (at(id))
const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById('ask'))
