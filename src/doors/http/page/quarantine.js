// The newest messages in quarantine, which the page can only show.
import { at, element, foldedItem, sizeInWords } from './elements.js'

/** Milliseconds between two looks; none while nobody sees the page. */
const EVERY = 5_000
let shown = ''

export function followQuarantine() {
  look()
  setInterval(look, EVERY)
  document.addEventListener('visibilitychange', look)
}

async function look() {
  if (document.visibilityState !== 'visible') return
  const text = await fetch('/quarantine.json').then(
    (response) => (response.ok ? response.text() : ''),
    () => '',
  )
  // Items that are open or have the focus stay as they are.
  if (text === '' || text === shown) return
  shown = text
  show(JSON.parse(text))
}

function show({ place, trouble, messages, all }) {
  at('quarantine').hidden = place === 'none'
  at('kept-count').textContent = inWords(place, trouble, messages, all)
  const open = new Set([...document.querySelectorAll('#kept details[open]')].map(idOf))
  at('kept').replaceChildren(...messages.map(item))
  for (const details of document.querySelectorAll('#kept details')) {
    details.open = open.has(idOf(details))
  }
}

const idOf = (details) => details.parentElement.dataset.id

function inWords(place, trouble, messages, all) {
  if (place === 'hold') return 'The mail server keeps it in its own queue.'
  if (trouble) return element('p', `It cannot be looked at: ${trouble}`).textContent
  if (messages.length === 0) return 'Nothing.'
  const newest = messages.length === 1 ? 'One message' : `The newest ${messages.length}`
  if (!all || all.messages <= messages.length) return `${newest}.`
  const sum = `${all.messages.toLocaleString('en')} with ${sizeInWords(all.bytes)}`
  return `${newest}; ${sum} in all at the last count, released ones as well.`
}

function item({ id, time, grounds, size, found, door, remote, from, to, recipients }) {
  const clock = new Date(time).toLocaleString('en-GB', { dateStyle: 'short', timeStyle: 'short' })
  const more = recipients > 1 ? ` +${recipients - 1}` : ''
  const whom = from === undefined ? '' : ` <${from}> to <${to}>${more}`
  const below = [
    `kept ${new Date(time).toISOString()}${door ? ` by the ${door}` : ''}`,
    `size ${sizeInWords(size)}${remote ? `, from client ${remote}` : ''}`,
    `onescan quarantine show ${id}`,
    `onescan quarantine release ${id}`,
  ]
  const text = `${found ? ` ${found}` : ''}${whom}`
  const made = foldedItem(time, clock, grounds, 'quarantine', text, '')
  made.querySelector('pre').replaceChildren(...below.map((line) => element('div', line)))
  made.dataset.id = id
  return made
}
