// Elements of the page. Everything that comes from mail becomes text, never markup.

/**
 * Control characters, and those that turn the direction of writing. What joins letters is needed between those of Persian or
 * parts of an emoji.
 */
const ACTIVE =
  /[\0-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u200c\u200d](?![^\0-\x7f])|(?<![^\0-\x7f])[\u200c\u200d]/g

/**
 * An element that page.html has.
 *
 * @param {string} id
 */
export const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id))

/** @param {string | number} text */
export function visible(text) {
  return String(text).replace(ACTIVE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string | number} [content]
 * @param {string} [className]
 */
export function element(name, content, className) {
  const made = document.createElement(name)
  if (className) made.className = className
  if (content !== undefined) made.textContent = visible(content)
  return made
}

/** @param {...(string | number | Node)} cells */
export function row(...cells) {
  const made = document.createElement('tr')
  for (const cell of cells) made.append(cell instanceof Node ? cell : element('td', cell))
  return made
}

/**
 * A line of a list: a time, a word, and more of it behind. A click shows the texts that are below.
 *
 * @param {number} time
 * @param {string} clock
 * @param {string} word
 * @param {string} className
 * @param {string} text
 * @param {readonly string[]} below
 */
export function foldedItem(time, clock, word, className, text, below) {
  const made = document.createElement('li')
  const details = document.createElement('details')
  const summary = document.createElement('summary')
  const when = element('time', clock)
  when.dateTime = new Date(time).toISOString()
  summary.append(when, element('b', word, className), document.createTextNode(visible(text)))
  details.append(summary, ...below.map((part) => element('pre', part)))
  made.append(details)
  return made
}
