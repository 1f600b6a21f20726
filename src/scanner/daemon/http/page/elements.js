// Elements of the page. Everything that comes from mail becomes text, never markup.
import { harmlessLine } from '../../../../base/text/harmless.ts'

/**
 * An element that page.html has.
 *
 * @param {string} id
 */
export const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id))

/** @param {string | number} text */
export const visible = (text) => harmlessLine(String(text))

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
