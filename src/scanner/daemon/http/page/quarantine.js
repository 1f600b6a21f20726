// The page of the quarantine. The token is kept in a variable and sent in a header: no other page can act with it.
import { formatSize } from '../../../../base/text/units.ts'
import { at, element, row, visible } from './elements.js'

/** @typedef {{ id: string, time: string, state: string, grounds: string, found: string | null, size: number, sender: string, recipients: string[], recipientCount: number, subject: string | null, interface: string, client: string | null, queue: string | null, host: string, header: string, log: string }} Message */

const API = '/quarantine/v1/'
const PAGE = 50
let token = ''
/** The value of `before` for the next page. */
let next = ''
/** @type {Message | undefined} */
let shown
/** A release of the message since it is shown: the same id for the same request, so that it is carried out once. */
let lastRelease = { wanted: '', key: '' }
/** @type {HTMLElement | undefined} */
let opener

/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (at(id))

/** @param {string} words */
function showNotice(words, isBad = false) {
  at('notice').className = isBad ? 'bad' : ''
  at('notice').textContent = visible(words)
}

/**
 * Sends a request. Resolves to the answer, or to undefined after a problem, which is shown.
 *
 * @param {string} path
 * @param {RequestInit & { headers?: Record<string, string> }} [request]
 */
async function call(path, request = {}) {
  try {
    const headers = { ...request.headers, Authorization: `Bearer ${token}` }
    const response = await fetch(API + path, { ...request, headers, credentials: 'omit' })
    const answer = await response.json()
    if (response.ok) return answer
    const reply = answer.answer ? ` The next server replied: ${answer.answer}` : ''
    showNotice(`${answer.title}: ${answer.detail}.${reply}`, true)
  } catch (error) {
    showNotice(
      `No answer: ${error}. A release may have been carried out: send it again, which is safe.`,
      true,
    )
  }
  return undefined
}

/** Shows the first page of the list, or appends the next one. */
async function list(isFirst = true) {
  const query = new URLSearchParams({ limit: String(PAGE), search: field('search').value })
  if (field('state').value) query.set('state', field('state').value)
  if (!isFirst) query.set('before', next)
  const page = await call(`messages?${query}`)
  if (page === undefined) return false
  if (isFirst) at('messages').replaceChildren()
  at('messages').append(...page.messages.map(item))
  next = page.next ?? ''
  at('more').hidden = next === ''
  const count = at('messages').childElementCount
  showNotice(`${count} message${count === 1 ? '' : 's'}${next ? ', and there are more' : ''}.`)
  return true
}

/** @param {Message} message */
function item(message) {
  const { id, time, found, grounds, sender, recipients, recipientCount, subject, size } = message
  const made = document.createElement('li')
  const button = element('button', subject || '(no subject)')
  button.type = 'button'
  button.addEventListener('click', () => open(id, button))
  const more = recipientCount > recipients.length ? ` +${recipientCount - recipients.length}` : ''
  const to = recipients.map((address) => `<${address}>`).join(', ')
  made.append(
    button,
    element('p', `${timeText(time)}, ${found ?? grounds}, ${formatSize(size)}`),
    element('p', `<${sender}> to ${to}${more}`),
  )
  return made
}

/** @param {string} time */
const timeText = (time) => new Date(time).toLocaleString('en-GB')

/**
 * @param {string} id
 * @param {HTMLElement} from
 */
async function open(id, from) {
  /** @type {Message | undefined} */
  const message = await call(`messages/${id}`)
  if (message === undefined) return
  shown = message
  lastRelease = { wanted: '', key: '' }
  opener = from
  const { subject, sender, recipients, found, grounds, size, state, time, client, queue, host } =
    message
  at('message-title').textContent = visible(subject || '(no subject)')
  const facts = [
    ['Sender', `<${sender}>`],
    ['Found', found ? `${grounds}: ${found}` : grounds],
    ['Kept', `${timeText(time)} on ${host}, ${state}`],
    ['Size', formatSize(size)],
    ['Client', [client, queue].filter(Boolean).join(', ') || 'unknown'],
    ['Id', id],
  ]
  at('data').replaceChildren(
    ...facts.flatMap(([name = '', value = '']) => [element('dt', name), element('dd', value)]),
  )
  at('recipients').replaceChildren(...recipients.map(recipientBox))
  field('other').value = ''
  at('header').textContent = message.header.replace(/[^\n]+/g, visible)
  at('parts').hidden = true
  show('message')
  showNotice('')
  at('message-title').focus()
}

/** @param {string} address */
function recipientBox(address) {
  const label = document.createElement('label')
  const box = document.createElement('input')
  box.type = 'checkbox'
  box.checked = true
  box.value = address
  label.append(box, document.createTextNode(` ${visible(address)}`))
  return label
}

/** @param {'kept' | 'message'} section */
function show(section) {
  at('enter').hidden = true
  for (const id of ['kept', 'message']) at(id).hidden = id !== section
}

async function listParts() {
  if (shown === undefined) return
  showNotice('The message is scanned.')
  const answer = await call(`messages/${shown.id}/parts`)
  if (answer === undefined) return
  /** @param {{ names: string[], types: string[], size: number, answer: string, finding: string | null }} part */
  const partRow = ({ names, types, size, answer: result, finding }) =>
    row(
      names.join(' or ') || '(no name)',
      types.join(', '),
      element('td', formatSize(size), 'number'),
      element('td', finding ? `${result}: ${finding}` : result, result === 'infected' ? 'bad' : ''),
    )
  at('part-rows').replaceChildren(...answer.parts.map(partRow))
  at('parts').hidden = false
  showNotice(
    `${answer.parts.length} parts${answer.isComplete ? '' : ', and more that were not read'}.`,
  )
}

/**
 * Resolves to whether the person agrees.
 *
 * @param {string} question
 * @param {string} yes
 */
function confirm(question, yes) {
  const dialog = /** @type {HTMLDialogElement} */ (at('confirm'))
  at('question').textContent = visible(question)
  at('yes').textContent = yes
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}

async function release() {
  if (shown === undefined) return
  const { id, recipients, recipientCount, state } = shown
  const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (
    at('recipients').querySelectorAll('input')
  )
  const chosen = [...boxes].filter((box) => box.checked).map((box) => box.value)
  const other = field('other').value.trim()
  const isAll = !other && chosen.length === recipients.length
  const to = isAll ? [] : other ? [other] : chosen
  if (!isAll && to.length === 0) return showNotice('Choose a recipient.', true)
  const whom = isAll ? `all ${recipientCount} recipients` : to.map((one) => `<${one}>`).join(', ')
  const again = state !== 'kept'
  const before = again ? ' It was released before, or may have been.' : ''
  if (!(await confirm(`Release this message to ${whom}?${before}`, 'Release'))) return
  const wanted = JSON.stringify({ to, again })
  if (lastRelease.wanted !== id + wanted) lastRelease = { wanted: id + wanted, key: makeKey() }
  showNotice('The message is being released.')
  const answer = await call(`messages/${id}/release`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': lastRelease.key },
    body: wanted,
  })
  if (answer !== undefined) await backToList(`Released. The next server replied: ${answer.answer}`)
}

const makeKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')

async function remove() {
  if (shown === undefined) return
  if (!(await confirm('Delete this message? It cannot be restored.', 'Delete'))) return
  const answer = await call(`messages/${shown.id}`, { method: 'DELETE' })
  if (answer !== undefined) await backToList('Deleted.')
}

/** @param {string} [words] */
async function backToList(words) {
  show('kept')
  if (words === undefined) return void opener?.focus()
  await list()
  showNotice(words)
  at('kept-title').focus()
}

/**
 * @param {string} id
 * @param {() => unknown} work
 */
function onSubmit(id, work) {
  at(id).addEventListener('submit', (event) => {
    event.preventDefault()
    work()
  })
}

onSubmit('enter', async () => {
  token = field('token').value.trim()
  field('token').value = ''
  if (await list()) {
    show('kept')
    at('kept-title').focus()
  }
})
onSubmit('find', () => list())
onSubmit('release', release)
at('more').addEventListener('click', () => list(false))
at('back').addEventListener('click', () => backToList())
at('delete').addEventListener('click', remove)
at('list-parts').addEventListener('click', listParts)
