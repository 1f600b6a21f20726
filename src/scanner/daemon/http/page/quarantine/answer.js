// What came of an action, where the action was.
import { html, nothing } from 'lit-html'

/** @import { App } from './app.js' */
/** @typedef {'sign-in' | 'list' | 'before' | 'message' | 'days' | 'recipients' | 'address' | 'allow' | 'text' | 'parts'} Place */
/** @typedef {{ place: Place, words: string, isBad: boolean, more?: readonly string[] }} Answer */

/**
 * @param {App} app
 * @param {Place} place
 */
export function answerAt({ answer }, place) {
  if (answer?.place !== place || answer.words === '') return nothing
  return html`<div id=${`answer-${place}`} class=${answer.isBad ? 'answer bad' : 'answer'}>
    <p>${answer.words}</p>
    ${answer.more?.length ? html`<ul>${answer.more.map((line) => html`<li dir="auto">${line}</li>`)}</ul>` : nothing}
  </div>`
}

/** Whether what is in a field was wrong. @param {App} app @param {Place} place */
export const isWrong = ({ answer }, place) => answer?.place === place && answer.isBad
