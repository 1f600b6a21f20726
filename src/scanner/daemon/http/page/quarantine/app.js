// Who is signed in, what the address names, and what the person is asked and answered.
import { at } from '../elements.js'
import { lineText } from './answer.js'
import { focus } from './focus.js'
import { isSameFilter, List } from './list.js'
import { Opened } from './opened.js'
import { Problem, signIn, signOut } from './session.js'
import { count, isAboutRights, isUnfinished, problemText } from './words.js'

/** @import { Right } from '../../../../protocol/quarantine-api/exchange.ts' */
/** @import { Answer, AnswerButton, Line, Place } from './answer.js' */
/** @import { Me } from './answers.js' */
/** @typedef {{ words: string, more: readonly string[], lines: readonly string[], yes: string, next: string, end: (agreed: Agreed) => void }} Question */
/** @typedef {false | 'yes' | 'next'} Agreed */

/** What the address holds: the search, and the open message. */
const NOTHING = { search: '', kind: '', recipient: '', from: '', to: '', show: '', order: '', message: '' } // biome-ignore format: a line
/** @typedef {typeof NOTHING} Search */

/** Milliseconds until a text for screen readers is there: they would drop one for what then has the focus. */
const TOLD_AFTER = 100
/** Milliseconds that it stays: long enough to be read from the start, and gone when somebody reads on. */
const TOLD_FOR = 5000

export class App {
  /** @type {Me | undefined} */
  me
  /** The seconds until the person is signed out, if that is soon. @type {number | undefined} */
  secondsLeft
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
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #told
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
   * @param {readonly Line[]} [more]
   * @param {AnswerButton} [button]
   */
  say(place, words, isBad = false, more = [], button = undefined) {
    if ((place === 'sign-in') !== (this.me === undefined)) return
    this.answer = { place, words, isBad, more, button }
    this.redraw()
    this.tellAnswer()
    document.querySelector('.answer')?.scrollIntoView({ block: 'nearest' })
  }

  /** Has screen readers read the answer that is shown. */
  tellAnswer() {
    const { words = '', more = [] } = this.answer ?? {}
    this.tell([words, ...more.map(lineText)].join(' '))
  }

  /**
   * Has screen readers read a text, once the focus is where it then stays.
   *
   * @param {string} words
   * @param {number} [after] milliseconds
   */
  tell(words, after = TOLD_AFTER) {
    const write = (/** @type {string} */ text) => {
      at('said').textContent = text
    }
    clearTimeout(this.#told)
    write('')
    this.#told = setTimeout(() => {
      write(words)
      this.#told = setTimeout(write, TOLD_FOR, '')
    }, after)
  }

  /**
   * Carries out an action, one at a time: what is pressed meanwhile does nothing, and keeps the focus. A problem is shown where
   * the action was. Resolves to whether there was none. The focus is then where it was before, unless the action moved it.
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
      if (session === this.#session) await this.fail(place, error)
      return false
    } finally {
      if (session === this.#session) {
        this.isBusy = false
        this.redraw()
        // What had the focus may be gone.
        if (document.activeElement === document.body && place !== 'sign-in') {
          if (before.isConnected) before.focus({ preventScroll: true })
          else focus(place === 'list' ? 'list-title' : 'message-title')
        }
      }
    }
  }

  /**
   * Shows a problem, once the page is as the person's rights are now: with the buttons, some of the places are gone.
   *
   * @param {Place} place
   * @param {unknown} error
   * @param {string} [done] what was done before, in a sentence
   */
  async fail(place, error, done = '') {
    if (!(error instanceof Problem)) throw error
    const isOfRights = this.me !== undefined && isAboutRights(error.code)
    if (isOfRights && error.code === 'no-token') return this.expire(done)
    if (isOfRights) await this.#renewRights()
    const there = isOfRights && place !== 'list' ? 'message' : place
    this.say(there, [problemText(error), done].filter(Boolean).join(' '), true)
  }

  /** Asks anew what the person may do. A question that is not answered changes nothing. */
  async #renewRights() {
    const session = this.#session
    try {
      const me = await signIn()
      if (session !== this.#session) return
      this.me = me
      if (!this.mayChange) this.list.selected.clear()
      await this.opened.renew()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (error.code === 'no-token' && session === this.#session) this.expire()
    }
  }

  // The address

  /** @param {Partial<Search>} changes */
  addressOf(changes) {
    const words = Object.entries({ ...this.search, ...changes }).filter(([, value]) => value !== '')
    const query = new URLSearchParams(words).toString()
    return location.pathname + (query && `?${query}`)
  }

  /**
   * Goes to an address, which a further step back leaves, or which replaces the one before.
   *
   * @param {Partial<Search>} changes
   * @param {'push' | 'replace'} [how]
   */
  go(changes, how = 'push') {
    const address = this.addressOf(changes)
    if (how === 'push') history.pushState(null, '', address)
    else history.replaceState(null, '', address)
    return this.followAddress()
  }

  /**
   * Follows a link within the page, unless it is to be opened elsewhere.
   *
   * @param {MouseEvent} event
   * @param {Partial<Search>} changes
   * @param {...string} then what has the focus afterwards, if the link may be gone
   */
  onLink = async (event, changes, ...then) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    await this.go(changes)
    focus(...then)
  }

  /** Shows what the address names. */
  followAddress = async (isFirst = false) => {
    const before = this.search
    const query = new URLSearchParams(location.search)
    const words = Object.keys(NOTHING).map((name) => [name, query.get(name) ?? ''])
    this.search = { ...NOTHING, ...Object.fromEntries(words) }
    const { message } = this.search
    const isSameList = isSameFilter(this.search, before)
    const isSameMessage = message === before.message
    if (this.me === undefined) return this.redraw()
    const isOpening = isFirst || !isSameMessage
    if (isFirst || !isSameList) {
      this.list.typed = {}
      this.list.selectedBefore = new Set(this.list.selected.keys())
      // What is read is the message, and not how many there are.
      const isTold = !isOpening || message === ''
      await Promise.all([this.list.load({ isTold }), isOpening ? this.opened.open() : undefined])
    } else if (isOpening) await this.opened.open()
    if (message !== '' || before.message === '') return
    // Where a message was that has left the list is another one.
    const { messages, place } = this.list
    const there = messages[Math.min(place, messages.length - 1)]
    focus(`m-${before.message}`, `m-${there?.id}`, 'list-title')
  }

  // Signing in and out

  /** @param {string} [entered] */
  async signIn(entered) {
    const isIn = await this.act('sign-in', async () => {
      this.me = await signIn(entered)
      this.answer = undefined
    })
    if (!isIn) return this.start()
    const shown = this.followAddress(true)
    focus('message', 'list-title') // what had it is gone
    await shown
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
    if (this.isBusy) return
    const { value } = field('token')
    field('token').value = ''
    if (value.trim() !== '') this.signIn(value.trim())
  }

  /** Whether the person has typed or selected something, and not used it yet. */
  get isUnused() {
    return this.list.isTyped || this.list.selected.size > 0 || this.opened.named !== ''
  }

  /** What the person has typed or selected, and not used yet, is not lost without a question. */
  async signOut() {
    if (this.isUnused && !(await this.agrees('Sign out?', 'Sign out', { more: [UNUSED] }))) return
    this.leave('You have signed out.')
  }

  /** The token was taken away, or has ended. @param {string} [done] what was done before, in a sentence */
  expire(done = '') {
    const words = 'Your token is no longer valid, so nothing more was done. Ask your mail administrator for a new one.' // biome-ignore format: a line
    this.end(`${words} ${done}`, true)
  }

  /** Signs the person out without a question. @param {string} why @param {boolean} [isBad] */
  end(why, isBad) {
    this.leave([why.trim(), this.isUnused && UNUSED].filter(Boolean).join(' '), isBad)
  }

  /** @param {number | undefined} secondsLeft */
  warnOfEnd(secondsLeft) {
    if (this.me === undefined || secondsLeft === this.secondsLeft) return
    const before = this.secondsLeft
    const hasFocus = document.activeElement?.closest('.ending') != null
    this.secondsLeft = secondsLeft
    this.redraw()
    // Once as it begins, and once before it is too late.
    const isTold = before === undefined || (before > LAST_WARNING && Number(secondsLeft) <= LAST_WARNING) // biome-ignore format: a line
    if (secondsLeft !== undefined && isTold)
      this.tell(`${endingText(secondsLeft)} Press a key to stay signed in.`)
    if (secondsLeft === undefined && hasFocus) focus('message-title', 'list-title')
  }

  /**
   * Forgets the token and all that was shown.
   *
   * @param {string} words
   * @param {boolean} [isBad]
   */
  leave(words, isBad) {
    signOut()
    this.question?.end(false)
    this.#session = {}
    this.isBusy = false
    this.secondsLeft = undefined
    this.me = undefined
    this.list = new List(this)
    this.opened = new Opened(this)
    this.isStarted = true
    this.say('sign-in', words, isBad)
    focus('token')
  }

  /**
   * Asks a question, and resolves to whether the person agrees, in which of two ways if there is a second one.
   *
   * @param {string} words
   * @param {string} yes
   * @param {{ more?: readonly string[], lines?: readonly string[], next?: string }} [about] what to know before, and the words of the second way
   * @returns {Promise<Agreed>}
   */
  async agrees(words, yes, { more = [], lines = [], next = '' } = {}) {
    const agreed = await new Promise((resolve) => {
      this.question = { words, more, lines, yes, next, end: resolve }
      this.redraw()
      dialog()?.showModal()
    })
    this.question = undefined
    dialog()?.close()
    return agreed
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

/** @param {number} secondsLeft */
export const endingText = (secondsLeft) =>
  `You will be signed out in ${count(secondsLeft, 'second')}, because the page was not used.`

/** Seconds before the end when screen readers read the warning again. */
const LAST_WARNING = 20

const UNUSED = 'What you have typed or selected is lost.'

const makeKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')

/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (at(id))
const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById('ask'))
