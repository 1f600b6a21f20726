// What came of an action, where the action was.
import { html, nothing } from 'lit-html'

/** @import { App } from './app.js' */
/** @typedef {'sign-in' | 'list' | 'before' | 'message' | 'days' | 'recipients' | 'address' | 'allow' | 'text' | 'parts'} Place */
/** A line of an answer: words, behind links to messages that they are about. @typedef {string | { links: readonly { message: string, words: string }[], words: string }} Line */
/** @typedef {{ place: Place, words: string, isBad: boolean, more?: readonly Line[], button?: AnswerButton | undefined }} Answer */
/** What an answer offers to do about what it says. @typedef {{ words: string, press: () => void }} AnswerButton */

/**
 * @param {App} app
 * @param {Place} place
 */
export function answerAt(app, place) {
  const { answer } = app
  if (answer?.place !== place || answer.words === '') return nothing
  return html`<div id=${`answer-${place}`} class=${answer.isBad ? 'answer bad' : 'answer'}>
    <p>${answer.words}</p>
    ${answer.more?.length ? html`<ul>${answer.more.map((line) => html`<li dir="auto">${typeof line === 'string' ? line : linked(app, line)}</li>`)}</ul>` : nothing}
    ${answer.button ? html`<p><button type="button" @click=${answer.button.press}>${answer.button.words}</button></p>` : nothing}
  </div>`
}

/** @param {App} app @param {Exclude<Line, string>} line */
const linked = (app, { links, words }) =>
  html`${links.map(({ message, words: title }, at) => html`${at === 0 ? '' : ', '}<a href=${app.addressOf({ message })} @click=${(/** @type {MouseEvent} */ event) => app.onLink(event, { message })}>${title}</a>`)}${words}`

/** A line of an answer as text. @param {Line} line */
export const lineText = (line) =>
  typeof line === 'string' ? line : line.links.map(({ words }) => words).join(', ') + line.words

/** Whether what is in a field was wrong. @param {App} app @param {Place} place */
export const isWrong = ({ answer }, place) => answer?.place === place && answer.isBad
