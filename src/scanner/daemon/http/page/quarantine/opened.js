// The open message, and what is done with it.
import { unbracketed } from '../../../../../base/text/bracketed.ts'
import { at, visible } from '../elements.js'
import { focus } from './focus.js'
import { subjectOf, writerOf } from './list-view.js'
import { ask, askForFile, Problem } from './session.js'
import { count, isUnfinished, problemText, warningText } from './words.js'

/** @import { Place } from './answer.js' */
/** @import { App } from './app.js' */
/** @import { Letter, Message, Part } from './answers.js' */

export class Opened {
  /** @type {Message | undefined} */
  shown
  /** It was deleted. */
  isGone = false
  /** To whom it is to be released. */
  target = { chosen: /** @type {Set<string>} */ (new Set()), other: '' }
  /** @type {Letter | undefined} */
  text
  /** @type {readonly Part[] | undefined} */
  parts

  /** @param {App} app */
  constructor(app) {
    this.app = app
  }

  /** The message that follows the open one. */
  neighbour(step = 1) {
    const { messages, place } = this.app.list
    const found = messages.findIndex(({ id }) => id === this.app.search.message)
    return found >= 0 ? messages[found + step] : (messages[place] ?? messages.at(-1))
  }

  openNext() {
    const next = this.neighbour()
    if (next) this.app.go({ message: next.id })
  }

  /** Shows the message that the address names. */
  async open() {
    Object.assign(this, { shown: undefined, text: undefined, parts: undefined })
    this.isGone = false
    this.target = { chosen: new Set(), other: '' }
    this.app.answer = undefined
    const { message } = this.app.search
    this.app.redraw()
    if (message === '') return
    try {
      const shown = await this.#reload(message)
      if (shown) this.target = { chosen: new Set(shown.recipients), other: '' }
      this.app.redraw()
    } catch (error) {
      this.app.fail('message', error)
    }
    focus('message-title')
    document.getElementById(`m-${message}`)?.scrollIntoView({ block: 'nearest' })
  }

  /** @param {string} id @returns {Promise<Message | undefined>} */
  async #reload(id) {
    const message = await ask(`messages/${encodeURIComponent(id)}`)
    if (id !== this.app.search.message) return undefined // another one was opened meanwhile
    const recipients = [...new Set(message.recipients)]
    const recipientCount = message.recipientCount - message.recipients.length + recipients.length
    this.shown = { ...message, recipients, recipientCount }
    return this.shown
  }

  /** Whether an exception was made for it, and not removed. */
  get isAllowed() {
    const changes = this.shown?.history.filter(({ act }) => /allowed$/.test(act))
    return changes?.at(-1)?.act === 'allowed'
  }

  /** @param {string} address */
  choose(address) {
    const { chosen } = this.target
    if (!chosen.delete(address)) chosen.add(address)
    this.app.redraw()
  }

  /** @param {boolean} isAll */
  chooseAll(isAll) {
    this.target.chosen = new Set(isAll ? this.shown?.recipients : [])
    this.app.redraw()
  }

  /** @param {InputEvent} event */
  onOther = (event) => {
    const { value } = /** @type {HTMLInputElement} */ (event.target)
    this.target.other = unbracketed(value.trim().replace(/^<|>$/g, ''))
    this.app.redraw()
  }

  /** @param {SubmitEvent} event */
  onRelease = (event) => {
    event.preventDefault()
    const { shown } = this
    if (shown === undefined) return
    const { other, chosen } = this.target
    if (other !== '' && !/^[^\s<>,;]+@[^\s<>,;@]+$/.test(other))
      return this.app.say('message', `${other}: write one address, such as ann@example.org.`, true)
    const isAll = other === '' && chosen.size === shown.recipients.length
    const to = other === '' ? [...chosen] : [other]
    if (to.length === 0) return this.app.say('message', 'Choose a recipient.', true)
    this.app.act('message', () => this.#release(shown, isAll ? [] : to))
  }

  /**
   * @param {Message} message
   * @param {readonly string[]} to none: all recipients
   */
  async #release(message, to) {
    const { id, recipients, recipientCount, state } = message
    const named = to.length > 0 ? to : recipients
    const [only = ''] = named
    const whom =
      to.length === 0 && recipientCount > 1
        ? `all ${recipientCount} recipients`
        : named.length === 1
          ? visible(only)
          : count(named.length, 'recipient')
    const isAgain = state !== 'kept'
    const before = {
      kept: '',
      releasing: 'An earlier release did not end, and it may have been delivered. ',
      released: 'It was released before. ',
    }[state]
    const isOurs = named.every((address) => recipients.some((own) => isSame(own, address)))
    const stranger =
      isOurs || recipients.length < recipientCount
        ? ''
        : `This is not ${recipientCount === 1 ? 'its recipient' : 'one of its recipients'}, who will not get it. `
    const more = `${stranger}${before}${warningText(message)}`
    const lines = named.length > 1 && named.length < recipientCount ? named.map(visible) : []
    if (!(await this.app.agrees(`Release it to ${whom}?`, 'Release', { more, lines }))) return
    const body = { to, again: isAgain }
    this.app.say('message', 'The message is being released.')
    try {
      await this.app.sendOnce([id, body], (key) =>
        ask(`messages/${encodeURIComponent(id)}/release`, { method: 'POST', body, key }),
      )
      this.app.say('message', `Released to ${whom}.`)
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'no-token') throw error
      const { code } = error
      const once =
        ' The message may have been released. Press Release again then: it is sent only once.'
      this.app.say('message', problemText(error) + (code === 'no-answer' ? once : ''), true)
      if (code === 'no-message') return this.#close()
      if (code !== 'released' && !isUnfinished(code)) return
    }
    // What is done is in its history, and no longer in a list of what waits.
    await this.#reload(id).catch(() => {})
    if (this.app.search.show === '' && this.shown?.state === 'released') this.app.list.drop([id])
  }

  remove() {
    const { shown } = this
    if (shown === undefined) return undefined
    return this.app.act('message', async () => {
      const words = `Delete “${subjectOf(shown)}” from ${writerOf(shown)}?`
      if (!(await this.app.agrees(words, 'Delete', { more: 'It cannot be restored.' }))) return
      try {
        await ask(`messages/${encodeURIComponent(shown.id)}`, { method: 'DELETE' })
        this.app.say('message', `“${subjectOf(shown)}” was deleted.`)
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'no-message') throw error
        this.app.say('message', problemText(error))
      }
      this.#close()
    })
  }

  /** The open message is gone: its place says so, and offers the next one. */
  #close() {
    this.app.list.drop([this.app.search.message])
    Object.assign(this, { shown: undefined, isGone: true })
    this.app.redraw()
    focus('next', 'message-title')
  }

  showText() {
    return this.#look('text', async (path) => {
      this.text = await ask(`${path}/text`)
      this.app.answer = undefined
      this.app.redraw()
      at('said').textContent = 'The text is shown.'
      focus('letter')
    })
  }

  listParts() {
    return this.#look('parts', async (path) => {
      this.app.say('parts', 'The message is being scanned.')
      const { parts, isComplete } = await ask(`${path}/parts`)
      this.parts = parts
      const all =
        parts.length === 0
          ? 'Nothing in it is attached or encoded.'
          : `${count(parts.length, 'part')}.`
      this.app.say('parts', isComplete ? all : `${all} There is more, which cannot be listed.`)
    })
  }

  save() {
    return this.#look('parts', async (path, message) => {
      const more = `${warningText(message)} Do not open the file on this computer. Give it only to people who examine it.`
      if (!(await this.app.agrees('Save the message as a file?', 'Save', { more }))) return
      const link = document.createElement('a')
      link.href = URL.createObjectURL(await askForFile(`${path}/message`))
      link.download = `${message.id}.eml`
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
      this.app.say('parts', 'Saved with your downloads.')
    })
  }

  /** @param {'sender' | 'recipient'} whom */
  allow(whom) {
    return this.#look('allow', async (path, { id }) => {
      const body = { for: whom }
      const request = { method: 'POST', body: { ...body, preview: true } }
      const { letsIn } = await ask(`${path}/allow`, request)
      const more = visible(letsIn)
      if (!(await this.app.agrees('Make an exception?', 'Make the exception', { more }))) return
      const { isNew } = await ask(`${path}/allow`, { method: 'POST', body })
      await this.#reload(id).catch(() => {})
      const since = isNew ? 'holds from now on' : 'was made before'
      this.app.say('allow', `The exception ${since}. ${more}`)
    })
  }

  undoAllow() {
    return this.#look('allow', async (path, { id }) => {
      await ask(`${path}/allow`, { method: 'DELETE' })
      await this.#reload(id).catch(() => {})
      this.app.say('allow', 'The exception was removed.')
    })
  }

  /**
   * @param {Place} place
   * @param {(path: string, message: Message) => Promise<void>} work
   */
  #look(place, work) {
    const { shown } = this
    if (shown === undefined) return undefined
    return this.app.act(place, () => work(`messages/${encodeURIComponent(shown.id)}`, shown))
  }
}

/** @type {(address: string, other: string) => boolean} */
const isSame = (address, other) => address.toLowerCase() === other.toLowerCase()
