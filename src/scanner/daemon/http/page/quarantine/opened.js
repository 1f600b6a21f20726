// The open message, and what is done with it.
import { unbracketed } from '../../../../../base/text/bracketed.ts'
import { soughtRecipients } from '../../../../../base/text/search-words.ts'
import { shortNumber } from '../../../../../base/text/short-number.ts'
import { visible } from '../elements.js'
import { focus } from './focus.js'
import { recipientsText, subjectOf, writerOf } from './list-view.js'
import { ask, askForFile, Problem } from './session.js'
import {
  allRecipients,
  careText,
  count,
  dangerText,
  findingOf,
  firstLines,
  isAboutRights,
  isUnfinished,
  kindText,
  problems,
  problemText,
  releasedText,
  SLOW,
  timeText,
  warningText,
} from './words.js'

/** @import { Place } from './answer.js' */
/** @import { App } from './app.js' */
/** @import { Letter, Message, Part, Receipt, Whose } from './answers.js' */

/** Recipients up to this number are all selected when a message is opened: of more of them, those whom the search names. */
export const FEW = 5
/** The recipients from which on their boxes can be filtered. */
export const MANY = 10

/** One address: a second @ is part of it only within quotation marks. */
const ADDRESS = /^(?:[^\s<>,;@"]+|"(?:[^"\\]|\\.)+")@[^\s<>,;@"]+$/

/** What an address beside the boxes means. */
export const ONLY_THIS =
  'Only this address gets the message: the boxes are not used while it is here.'

/** Milliseconds after the last key until what was typed is read. */
const TYPED_AFTER = 600

export class Opened {
  /** @type {Message | undefined} */
  shown
  /** It was deleted. */
  isGone = false
  /** To whom it is to be released, and the part of addresses whose boxes are shown. */
  target = { chosen: /** @type {Set<string>} */ (new Set()), other: '', filter: '' }
  /** @type {Letter | undefined} */
  text
  /** @type {readonly Part[] | undefined} */
  parts
  /** The ids of those that were deleted here, or may have been. */
  #deleted = /** @type {Set<string>} */ (new Set())

  /** @param {App} app */
  constructor(app) {
    this.app = app
  }

  /** The message before or after the open one in the list. @param {-1 | 1} step */
  neighbour(step) {
    const { messages, place } = this.app.list
    const found = messages.findIndex(({ id }) => id === this.app.search.message)
    if (found >= 0) return messages[found + step]
    return step < 0 ? messages[place - 1] : (messages[place] ?? messages.at(-1))
  }

  /** @param {-1 | 1} step */
  async openNeighbour(step) {
    const message = this.neighbour(step)
    focus(step < 0 ? 'previous' : 'next') // the button below leaves with the message
    if (message) await this.app.go({ message: message.id })
  }

  /** Opens the next message after an action that ended with this one, and shows there what came of it. @param {string} words */
  async #goOn(words) {
    if (!this.neighbour(1)) return this.#close()
    await this.openNeighbour(1)
    this.app.say('before', words)
  }

  /** What a question offers beside its usual answer, if there is a next message. @param {string} act */
  #andNext(act) {
    return this.neighbour(1) ? `${act}, and open the next` : ''
  }

  /** Shows the message that the address names. */
  async open() {
    Object.assign(this, { shown: undefined, text: undefined, parts: undefined })
    this.isGone = false
    this.target = { chosen: new Set(), other: '', filter: '' }
    // What failed in the list links to this message.
    if (this.app.answer?.place !== 'list' || !this.app.answer.isBad) this.app.answer = undefined
    this.app.tell('')
    const { message } = this.app.search
    this.app.redraw()
    if (message === '') return
    this.app.tell('Opening…', SLOW)
    try {
      const shown = await this.#reload(message)
      if (shown) this.target.chosen = new Set(this.#usual(shown))
      this.app.tell('')
      this.app.redraw()
    } catch (error) {
      if (error instanceof Problem && error.code === 'no-message') this.#sayItIsGone(message, error)
      else await this.app.fail('message', error)
    }
    // What leads on is before a title with nothing below it.
    if (this.isGone) focus('next', 'message-title')
    else focus('message-title')
    document.getElementById(`m-${message}`)?.scrollIntoView({ block: 'nearest' })
  }

  /** @param {string} id @returns {Promise<Message | undefined>} */
  async #reload(id) {
    const message = await ask(`messages/${encodeURIComponent(id)}`)
    if (id !== this.app.search.message) return undefined // another one was opened meanwhile
    const recipients = [...new Set(/** @type {string[]} */ (message.recipients))].sort(
      (one, other) => one.localeCompare(other, 'en', { numeric: true }),
    )
    const recipientCount = message.recipientCount - message.recipients.length + recipients.length
    const shown = { ...message, recipients, recipientCount }
    this.shown = shown
    if (recipients.length === recipientCount)
      shown.releasedCount = recipients.filter((address) => this.hasIt(address)).length
    return shown
  }

  /** Reads the open message again, since what the person may do with it has changed. */
  async renew() {
    if (this.shown) await this.#reload(this.shown.id)
  }

  /** Those who are selected at first: a release to all is a step of its own. @param {Message} message */
  #usual({ recipients, recipientCount }) {
    const lack = recipients.filter((address) => !this.hasIt(address))
    const sought = soughtRecipients(recipients, this.app.search).filter((address) => lack.includes(address)) // biome-ignore format: a line
    if (sought.length > 0 && sought.length <= FEW) return sought
    return recipientCount <= FEW ? lack : []
  }

  /** When an address got the message, and from whom, if that is known. @param {string} address */
  receiptOf(address) {
    return this.shown?.releasedTo.find(({ recipient }) => isSame(recipient, address))
  }

  /** @param {string} address */
  hasIt(address) {
    const isOwn = this.shown?.recipients.some((recipient) => isSame(recipient, address))
    return this.receiptOf(address) !== undefined || (isOwn && this.shown?.state === 'released')
  }

  /** @param {string} address */
  choose(address) {
    const { chosen } = this.target
    if (!chosen.delete(address)) chosen.add(address)
    this.#onChosen()
  }

  /** @param {readonly string[]} [named] those who were chosen by a part of their addresses */
  #onChosen(named = []) {
    if (this.app.answer?.place === 'recipients') this.app.answer = undefined
    this.app.redraw()
    const names = firstLines(named.map(visible), 'recipient').join(', ')
    this.app.tell([names, this.chosenText].filter(Boolean).join(': '))
  }

  /** `1 of 40 recipients chosen` */
  get chosenText() {
    const { recipientCount = 0 } = this.shown ?? {}
    return `${this.target.chosen.size} of ${count(recipientCount, 'recipient')} chosen`
  }

  /** The names, addresses or parts of them in the filter. Beside an address in brackets, as mail has them, is the name of a person. Two words that one address has, such as `Emil Kuhn`, are one name. */
  get #pieces() {
    const parts = this.target.filter
      .toLowerCase()
      .replace(/"[^"]*"(?=\s*<)/g, '')
      .split(/[,;\n]/)
    const isAddress = (/** @type {string} */ text) => text.includes('@')
    return parts.flatMap((part) => {
      const bracketed = part.match(/<[^<>]*>/g)?.filter(isAddress) ?? []
      const text = bracketed.length > 0 ? bracketed.join(' ') : part
      const words = text.match(/[^\s<>]+/g) ?? []
      const name = words.join(' ')
      return words.length > 1 && this.#meantBy(name).length > 0 ? [name] : words
    })
  }

  /** The recipients whom a piece of the filter means: one with this name or address, or all who have its words in their addresses. @param {string} piece */
  #meantBy(piece) {
    const recipients = this.shown?.recipients ?? []
    const exact = recipients.filter((address) => {
      const lower = address.toLowerCase()
      return lower === piece || lower.startsWith(`${piece}@`)
    })
    const hasAll = (/** @type {string} */ address) => piece.split(' ').every((word) => address.includes(word)) // biome-ignore format: a line
    return exact.length > 0 ? exact : recipients.filter((address) => hasAll(address.toLowerCase()))
  }

  /** The recipients whose boxes are shown. */
  get listed() {
    const recipients = this.shown?.recipients ?? []
    const pieces = this.#pieces
    if (pieces.length === 0) return recipients
    const meant = new Set(pieces.flatMap((piece) => this.#meantBy(piece)))
    return recipients.filter((address) => meant.has(address))
  }

  /** Those who are chosen, and whose boxes are not shown. */
  get alsoChosen() {
    const { listed } = this
    return [...this.target.chosen].filter((address) => !listed.includes(address))
  }

  /** Chooses those whose boxes are shown and who do not have it, or none of those. @param {boolean} isAll */
  chooseListed(isAll) {
    const isFiltered = this.target.filter !== ''
    const added = isAll ? this.listed.filter((address) => !this.hasIt(address)) : []
    this.target.chosen = new Set([...this.alsoChosen, ...added])
    // The next name can be typed at once, and the button would choose all now.
    if (isAll && isFiltered) focus('filter')
    if (isAll) this.target.filter = ''
    this.#onChosen(isFiltered ? added : [])
  }

  /** @param {InputEvent} event */
  onFilter = (event) => {
    this.target.filter = /** @type {HTMLInputElement} */ (event.target).value
    if (this.app.answer?.place === 'recipients') this.app.answer = undefined
    this.app.redraw()
    const { length } = this.listed
    const all = count(this.shown?.recipients.length ?? 0, 'recipient')
    this.app.tell(length === 0 ? 'No recipient matches' : `${length} of ${all} shown`, TYPED_AFTER)
  }

  /** The boxes are filtered as one types: Enter would release, and chooses instead, if each piece means one recipient. @param {KeyboardEvent} event */
  onFilterKey = (event) => {
    if (event.key !== 'Enter') return
    event.preventDefault()
    const unclear = this.#pieces.find((piece) => this.#meantBy(piece).length !== 1)
    if (unclear === undefined && this.#pieces.length > 0) return this.chooseListed(true)
    if (unclear === undefined) return
    const { length } = this.#meantBy(unclear)
    const words = length === 0 ? 'is not a recipient of this message' : `may be ${length} recipients: write more of the address, or choose all that are shown` // biome-ignore format: a line
    this.app.say('recipients', `“${visible(unclear)}” ${words}.`, true)
  }

  /** @param {InputEvent} event */
  onOther = (event) => {
    const wasEmpty = this.named === ''
    this.target.other = /** @type {HTMLInputElement} */ (event.target).value
    if (wasEmpty && this.named !== '') this.app.tell(ONLY_THIS, TYPED_AFTER)
    if (this.app.answer?.place === 'address') this.app.answer = undefined
    this.app.redraw()
  }

  /** What was typed in place of the recipients, without what copying adds. The field keeps it as it was typed. */
  get named() {
    return unbracketed(this.target.other.trim().replace(/^<|>$/g, ''))
  }

  /** @param {SubmitEvent} event */
  onRelease = (event) => {
    event.preventDefault()
    const { shown } = this
    if (shown === undefined || this.app.isBusy) return
    const { named } = this
    if (named !== '' && !ADDRESS.test(named)) {
      this.app.say(
        'address',
        `${visible(named)}: write one address, such as ann@example.org.`,
        true,
      )
      return focus('other')
    }
    if (named !== '' && !this.#isInCare(named)) {
      this.app.say('address', `You may release only to ${careText(this.app.me)}.`, true)
      return focus('other')
    }
    const to = named === '' ? [...this.target.chosen] : [named]
    if (to.length === 0 && shown.recipientCount === 0) {
      this.app.say('address', 'Write an address.', true)
      return focus('other')
    }
    if (to.length === 0) {
      this.app.say('recipients', 'Choose a recipient.', true)
      return focus('filter')
    }
    this.app.act('message', () => this.#release(shown, to))
  }

  /** Whether the person may release to an address: those of the message that are shown are such. @param {string} address */
  #isInCare(address) {
    const { domains, recipients = [] } = this.app.me ?? {}
    const domain = plainDomain(domainOf(address))
    return (
      domains === undefined ||
      [...recipients, ...(this.shown?.recipients ?? [])].some((own) => isSame(own, address)) ||
      domains.some((own) =>
        own.startsWith('.')
          ? domain.endsWith(`.${plainDomain(own.slice(1))}`)
          : domain === plainDomain(own),
      )
    )
  }

  /**
   * Releases a message. Those who have it get it once more only if they are named here.
   *
   * @param {Message} message
   * @param {readonly string[]} to
   */
  async #release(message, to) {
    const { id, recipients, recipientCount, state } = message
    const lack = recipients.filter((address) => !this.hasIt(address))
    const fresh = to.filter((address) => !this.hasIt(address))
    const twice = to.filter((address) => this.hasIt(address))
    const isAll = fresh.length > 1 && lack.every((address) => fresh.includes(address))
    const number = isAll ? recipientCount - recipients.length + to.length : to.length
    const whom = number === 1 ? visible(to[0] ?? '') : number === recipientCount ? allRecipients(number) : `${number} of its ${recipientCount} recipients` // biome-ignore format: a line
    const more = [
      this.#aboutStranger(message, to),
      state === 'releasing'
        ? 'An earlier release did not end, and it may have been delivered.'
        : '',
      warningText(message),
      'A release cannot be called back.',
    ]
    const lines = [
      ...(number === 1 || number === recipientCount ? [] : namesOf(to, recipients)),
      ...firstLines(twice.map((address) => `${visible(address)} ${gotText(this.receiptOf(address))}, and would get it twice.`), 'recipient'), // biome-ignore format: a line
    ]
    const words = `Release “${subjectOf(message)}” from ${writerOf(message)} to ${whom}?`
    const isTyped = this.named !== ''
    const endsIt = lack.length > 0 && lack.every((address) => fresh.includes(address))
    const about = { more: more.filter(Boolean), lines, next: endsIt ? this.#andNext('Release') : '' } // biome-ignore format: a line
    const agreed = await this.app.agrees(words, 'Release', about)
    if (!agreed) return
    this.app.say('message', 'The message is being released.')
    const again = state !== 'kept'
    const requests = [
      ...(fresh.length > 0 ? [{ to: isAll ? [] : fresh, again }] : []),
      ...(twice.length > 0 ? [{ to: twice, again: true }] : []),
    ]
    /** @type {Problem | undefined} */
    let problem
    let sent = 0
    /** @type {string[]} */
    const got = []
    try {
      for (const body of requests) {
        const released = await this.#send(id, body)
        got.push(...released.recipients)
        sent++
      }
      this.target.other = ''
    } catch (error) {
      if (!(error instanceof Problem) || isAboutRights(error.code)) throw error
      problem = error
    }
    // What is done is in its history, and what all have is no longer in a list of what waits.
    const isChanged = sent > 0 || problem?.code === 'released' || (problem && isUnfinished(problem.code)) // biome-ignore format: a line
    const now = isChanged ? await this.#reload(id).catch(() => undefined) : undefined
    if (problem === undefined) {
      // Those to whom somebody else has released it meanwhile are left out.
      const lacks = (/** @type {string} */ address) => !got.some((own) => isSame(own, address))
      const before = got.length === 0 ? [] : to.filter(lacks)
      const who = before.length === 0 ? whom : nameOf(got)
      const left = before.map((address) => `${visible(address)} ${gotText(this.receiptOf(address))}, and was left out.`) // biome-ignore format: a line
      this.app.say('message', `Released to ${who}.${now ? whereText(now) : ''}`, false, firstLines(left, 'recipient')) // biome-ignore format: a line
    } else if (problem.code === 'released' && now) {
      this.app.say('message', actOfOther(now))
    } else {
      const half = got.length === 0 ? '' : `Released to ${nameOf(got)}. The second release, to ${nameOf(twice)}, failed. ` // biome-ignore format: a line
      const once = problem.code === 'no-answer' ? ' The message may have been released. Press Release again in a minute: it is sent only once.' : '' // biome-ignore format: a line
      if (problem.code === 'no-message') {
        this.app.say('message', half + this.#goneText(message, problem))
        return this.#close()
      }
      const { recipient } = problem
      const isRefused = recipient !== undefined && problem.answer?.startsWith('5')
      const place = isTyped && isRefused && problem.code === 'refused' ? 'address' : 'message'
      const clear = isRefused && number > 1 ? this.#clearButton(recipient) : undefined
      this.app.say(place, half + problemText(problem, number) + once, true, [], clear)
      if (place === 'address') focus('other')
    }
    if (now === undefined) return
    this.target.chosen = new Set([...this.target.chosen].filter((address) => !this.hasIt(address)))
    if (this.app.search.show === '' && now.state === 'released') this.app.list.drop([id])
    else this.app.list.update(now)
    if (now.state !== 'released') return
    if (agreed === 'next' && problem === undefined)
      await this.#goOn(`“${subjectOf(message)}” was released to ${got.length === 0 ? whom : nameOf(got)}.`) // biome-ignore format: a line
    else focus('next-below')
  }

  /** A button for the box of a recipient whom the server refuses: it may be far away among the others. @param {string} refused */
  #clearButton(refused) {
    const own = [...this.target.chosen].find((address) => isSame(address, refused) && !this.hasIt(address)) // biome-ignore format: a line
    if (own === undefined) return undefined
    const press = () => {
      this.app.answer = undefined
      this.target.chosen.delete(own)
      this.#onChosen()
      focus('release')
    }
    return { words: `Clear the box of ${visible(own)}`, press }
  }

  /**
   * @param {string} id
   * @param {{ to: readonly string[], again: boolean }} body
   */
  #send(id, body) {
    return this.app.sendOnce([id, body], (key) =>
      ask(`messages/${encodeURIComponent(id)}/release`, { method: 'POST', body, key }),
    )
  }

  /**
   * What is to be known of an address that is no recipient, or ''.
   *
   * @param {Message} message
   * @param {readonly string[]} to
   */
  #aboutStranger({ recipients, recipientCount }, to) {
    const isOwn = (/** @type {string} */ named) => recipients.some((own) => isSame(own, named))
    const [address = ''] = to
    if (to.every(isOwn) || recipients.length < recipientCount || recipientCount === 0) return ''
    const domains = [...new Set(recipients.map(domainOf))]
    const where = domains.length === 1 ? visible(domains[0] ?? '') : 'the domains of its recipients'
    const outside = domains.includes(domainOf(address)) ? '' : `, and outside ${where}`
    const lack = recipients.filter((own) => !this.hasIt(own))
    const others =
      lack.length === 0
        ? ''
        : `, and ${nameOf(lack)} ${lack.length === 1 ? 'does' : 'do'} not have it`
    // One who sees some recipients does not know who else is one.
    const isLimited = this.app.me?.domains !== undefined
    const isNone = isLimited ? 'is none of the recipients that you see' : 'is not a recipient of this message' // biome-ignore format: a line
    return `${visible(address)} ${isNone}${outside}. Only ${visible(address)} gets it${others}.`
  }

  remove() {
    const before = this.shown
    if (before === undefined) return undefined
    return this.app.act('message', async () => {
      // Another user may have released it since it was opened.
      this.app.tell('Opening…', SLOW)
      const shown = (await this.#reload(before.id).catch(() => undefined)) ?? before
      this.app.tell('')
      if (this.app.search.message !== shown.id) return
      const words = `Delete “${subjectOf(shown)}” from ${writerOf(shown)} to ${recipientsText(shown)}?`
      const { releasedCount } = shown
      const who = releasedCount === 0 ? 'No recipient has received it' : releasedText(shown)
      const more = [`${who}.`, 'The message cannot be restored.']
      const agreed = await this.app.agrees(words, 'Delete', { more, next: this.#andNext('Delete') })
      if (!agreed) return
      this.app.tell('Deleting…', SLOW)
      try {
        await ask(`messages/${encodeURIComponent(shown.id)}`, { method: 'DELETE' })
        this.#deleted.add(shown.id)
        const done = `“${subjectOf(shown)}” was deleted.`
        this.app.say('message', done)
        this.app.list.drop([shown.id])
        if (agreed === 'next') return await this.#goOn(done)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        if (error.code === 'no-answer') {
          this.#deleted.add(shown.id)
          return this.app.say('message', `${problemText(error)} The message may have been deleted.`, true) // biome-ignore format: a line
        }
        if (error.code !== 'no-message') throw error
        this.app.say('message', this.#goneText(shown, error))
      }
      this.#close()
    })
  }

  /** One who sees the mail of some recipients cannot know whether there is a message for others. @param {string} id @param {Problem} problem */
  #sayItIsGone(id, problem) {
    const listed = this.app.list.messages.find((message) => message.id === id)
    const isOwn = this.#deleted.has(id)
    const isMaybeOfOthers = listed === undefined && !isOwn && this.app.me?.domains !== undefined
    this.app.say(
      'message',
      isMaybeOfOthers ? NOT_FOUND : this.#goneText(listed ?? { id }, problem),
      !isOwn,
    )
    if (listed) return this.#close()
    this.isGone = true
    this.app.redraw()
  }

  /** Why a message is gone, and what it was. @param {Partial<Message> & { id: string }} message @param {Problem} problem */
  #goneText({ id, subject }, problem) {
    const why = this.#deleted.has(id) ? 'You have deleted this message.' : problemText(problem)
    return why + (subject === undefined ? '' : nameAndNumber({ id, subject }))
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
      this.app.tell('The text is shown.')
      focus('letter')
    })
  }

  listParts() {
    return this.#look('parts', async (path, message) => {
      this.app.say('parts', 'The message is being scanned.')
      const { parts, isComplete } = await ask(`${path}/parts`)
      this.parts = parts
      const all =
        parts.length === 0
          ? 'Nothing in it is attached or encoded.'
          : `${count(parts.length, 'part')}.`
      const rest = isComplete ? '' : ' There is more, which cannot be listed.'
      this.app.say('parts', `${all}${foundNow(parts)}${rest} ${whyKept(message, parts)}`)
    })
  }

  save() {
    return this.#look('parts', async (path, message) => {
      const more = [warningText(message), 'Do not open the file on this computer. Give it only to people who examine it.'] // biome-ignore format: a line
      if (!(await this.app.agrees('Save the message as a file?', 'Save', { more }))) return
      const link = document.createElement('a')
      link.href = URL.createObjectURL(await askForFile(`${path}/message`))
      link.download = `${message.id}.eml`
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
      this.app.say('parts', 'Saved with your downloads.')
    })
  }

  /** @param {Whose} whose */
  allow(whose) {
    return this.#look('allow', async (path, { id }) => {
      const body = { for: whose }
      const request = { method: 'POST', body: { ...body, preview: true } }
      const { letsIn } = await ask(`${path}/allow`, request)
      const more = visible(letsIn)
      if (!(await this.app.agrees('Make an exception?', 'Make the exception', { more: [more] })))
        return
      const { isNew } = await ask(`${path}/allow`, { method: 'POST', body })
      const now = await this.#reload(id).catch(() => undefined)
      const when = isNew ? 'is made' : 'was made before'
      const isHere = now?.obstacle === null && now.state !== 'released' && this.app.may('release')
      this.app.say('allow', `The exception ${when}. ${more}${isHere ? ' This message itself is still in quarantine: release it above.' : ''}`) // biome-ignore format: a line
    })
  }

  /** @param {Whose} whose */
  undoAllow(whose) {
    return this.#look('allow', async (path, message) => {
      await ask(`${path}/allow?for=${whose}`, { method: 'DELETE' })
      await this.#reload(message.id).catch(() => {})
      this.app.say('allow', `The exception${exceptionText(message, whose)} was removed.`)
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

/** ` for mail from a@example.net to everybody`. @param {Message} message @param {Whose | undefined} whose */
export function exceptionText({ sender, recipients, recipientCount }, whose) {
  if (whose === undefined) return ''
  const from = whose === 'recipient' ? 'anybody' : visible(sender)
  const own = recipientCount === 1 ? visible(recipients[0] ?? '') : 'these recipients'
  return ` for mail from ${from} to ${whose === 'sender' ? 'everybody' : own}`
}

/** @type {(address: string, other: string) => boolean} */
const isSame = (address, other) => address.toLowerCase() === other.toLowerCase()

/** @param {string} address */
const domainOf = (address) => address.slice(address.lastIndexOf('@') + 1).toLowerCase()

/** A domain as servers compare it. @param {string} domain */
const plainDomain = (domain) =>
  URL.canParse(`http://${domain}`)
    ? new URL(`http://${domain}`).hostname.replace(/\.$/, '')
    : domain

/** One address, or how many. @param {readonly string[]} to */
const nameOf = (to) => (to.length === 1 ? visible(to[0] ?? '') : count(to.length, 'recipient'))

/**
 * Some of the recipients: the first of them, or all but the few others.
 *
 * @param {readonly string[]} to
 * @param {readonly string[]} recipients
 */
function namesOf(to, recipients) {
  const others = recipients.filter((address) => !to.includes(address))
  if (others.length > FEW || others.length >= to.length) return firstLines(to.map(visible), 'recipient') // biome-ignore format: a line
  return [`all but ${others.map(visible).join(', ')}`]
}

/** Where a message is after a release. @param {Message} message */
function whereText({ recipientCount, releasedCount }) {
  const lack = recipientCount - releasedCount
  if (lack === 0) return ' It is among the released ones now.'
  return ` ${count(lack, 'recipient')} ${lack === 1 ? 'does' : 'do'} not have it, so it stays in the list.`
}

/** What another user has done with a message that is released. @param {Message} message */
function actOfOther({ history }) {
  const release = history.findLast(({ act }) => act === 'released')
  if (release === undefined) return problems.released
  const { person, at, recipients: [first = ''] = [], recipientCount = 1 } = release
  const more = recipientCount > 1 ? ` and ${recipientCount - 1} more` : ''
  return `${visible(person)} released it on ${timeText(at)} to ${visible(first)}${more}, so it was not sent again.`
}

const NOT_FOUND = 'You cannot see this message: it was deleted, became too old, or is for recipients whose mail you do not manage. Ask your mail administrator, and name the number.' // biome-ignore format: a line

/** What a message that is gone was, for somebody who asks about it. @param {Pick<Message, 'id' | 'subject'>} message */
const nameAndNumber = (message) =>
  ` It was “${subjectOf(message)}”, number ${shortNumber(message.id)}.`

/** `got it on 29 Nov 2026, 16:10, from ann`, if that is known. @param {Receipt | undefined} receipt */
const gotText = (receipt) =>
  receipt === undefined
    ? 'got it'
    : `got it on ${timeText(receipt.at)}, from ${visible(receipt.person)}`

/** What scanners find in parts now, in a sentence, if they were scanned. @param {readonly Part[]} parts */
function foundNow(parts) {
  const names = parts.flatMap(({ answer, finding }) =>
    answer === 'infected' ? [visible(finding ?? '')] : [],
  )
  if (names.length > 0) return ` Found now in ${names.length}: ${[...new Set(names)].join(', ')}.`
  const unknown = parts.filter(({ answer }) => answer === 'unknown').length
  if (unknown > 0) return ` ${count(unknown, 'part')} could not be scanned now.`
  return parts.length === 0
    ? ''
    : ` No virus is found in ${parts.length === 1 ? 'it' : 'them'} now.`
}

/**
 * Why a message is in quarantine: that no virus is found does not mean that nothing else is in it.
 *
 * @param {Message} message
 * @param {readonly Part[]} parts
 */
function whyKept(message, parts) {
  const { grounds, found } = message
  const what = kindText(grounds) + (found === null ? '' : ` (${findingOf(message)})`)
  if (grounds === 'virus' || parts.some(({ answer }) => answer === 'infected')) return `When it arrived: ${what}.` // biome-ignore format: a line
  return `The message was kept because of something else: ${what}. ${dangerText(grounds)}`.trimEnd()
}
