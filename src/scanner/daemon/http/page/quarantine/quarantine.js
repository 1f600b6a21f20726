// The page of the quarantine, drawn with lit-html: templates in plain JavaScript, typed, without dependencies, in 4 KB that
// the policy of the page permits. By hand, each change of a list, a selection or a message needs code for the elements that
// it touches, and has to keep the focus and the boxes. uhtml is as small, and changed its interface with each main version.
// Preact needs htm for templates, and components. The status page has plots by uPlot and one list, and needs none of them.
import { html, nothing, render } from 'lit-html'
import { at } from '../elements.js'
import { answerAt, isWrong } from './answer.js'
import { App, endingText } from './app.js'
import { onSkip } from './focus.js'
import { listTitle, listView, narrow, subjectOf } from './list-view.js'
import { messageView } from './message-view.js'
import { resume, watch } from './session.js'
import { careText, kindText } from './words.js'

/** @import { Me } from './answers.js' */
/** @import { Agreed } from './app.js' */

/** @param {App} app */
function draw(app) {
  render(pageView(app), at('page'))
  document.title = titleOf(app)
  measure()
}

/** What has the focus scrolls to a place below the bar, which stays in view. */
function measure() {
  const bar = /** @type {HTMLElement | null} */ (document.querySelector('.bar'))
  document.documentElement.style.setProperty('--bar', `${bar?.offsetHeight ?? 0}px`)
}

/** @param {App} app */
function titleOf(app) {
  const { me, search, opened } = app
  if (me === undefined) return 'Sign in – Quarantine'
  const view = search.message === '' ? listTitle(app) : openedTitle(opened)
  return `${view} – Quarantine`
}

/** @param {App['opened']} opened */
function openedTitle({ shown, isGone }) {
  if (shown) return subjectOf(shown)
  return isGone ? 'The message is gone' : 'Message'
}

/** A proxy in front of onescand may pass on this page alone. */
const isLocal = /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname)

/** @param {App} app */
function pageView(app) {
  if (app.me === undefined) return app.isStarted ? signInView(app) : nothing
  const isOpen = app.search.message !== ''
  return html`
    <a class="skip to-list" href="#list-title" @click=${onSkip}>Skip to the list</a>
    ${isOpen ? html`<a class="skip" href="#message-title" @click=${onSkip}>Skip to the message</a>` : nothing}
    <header>
      <h1>Quarantine</h1>
      <p>${roleText(app.me)}</p>
      <nav>${isLocal ? html`<a href="/">Status of the scanner</a>` : nothing}
        <button type="button" @click=${() => app.signOut()}>Sign out</button></nav>
    </header>
    ${app.secondsLeft === undefined ? nothing : html`<p class="ending buttons">${endingText(app.secondsLeft)} <button type="button">Stay signed in</button></p>`}
    <main class=${isOpen ? 'both' : 'alone'}>${listView(app)} ${isOpen ? messageView(app) : nothing}</main>
    ${questionView(app)}`
}

/** @param {Me} me */
function roleText(me) {
  const { person, may, releases } = me
  const whose = careText(me)
  const isLooking = !may.includes('release') && !may.includes('delete')
  return html`Signed in as <b>${person}</b>${whose ? `, for mail to ${whose}` : ''}${isLooking ? '. You may look, but not release or delete.' : ''}${releases && may.includes('release') ? `. You may release only mail with: ${releases.map(kindText).join(', ')}.` : ''}`
}

/** @param {App} app */
function signInView(app) {
  return html`<main class="sign-in">
    <h1>Quarantine</h1>
    <p>Mail that was held back because of a virus, a forbidden file, or something that could not be checked.</p>
    <form @submit=${app.onSignIn}>
      <label for="token">Your token, from your mail administrator</label>
      <input id="token" type="password" autocomplete="current-password" required
        aria-invalid=${isWrong(app, 'sign-in')} aria-describedby="answer-sign-in">
      <button type="submit" class="first" aria-disabled=${app.isBusy}>Sign in</button>
      ${answerAt(app, 'sign-in')}
    </form>
  </main>`
}

/** @param {App} app */
function questionView({ question }) {
  const end = (/** @type {Agreed} */ agreed) => () => question?.end(agreed)
  return html`<dialog id="ask" aria-labelledby="question" aria-describedby="asked" @cancel=${end(false)} @close=${end(false)}>
    <div id="question"><p><b>${question?.words}</b></p> ${question?.more.map((line) => html`<p>${line}</p> `)}</div>
    ${question?.lines.length ? html`<ul id="asked">${question.lines.map((line) => html`<li dir="auto">${line}</li>`)}</ul>` : nothing}
    <p class="buttons"><button type="button" class="first" autofocus @click=${end(false)}>Cancel</button>
      <button type="button" id="yes" @click=${end('yes')}>${question?.yes}</button>
      ${question?.next ? html`<button type="button" id="yes-next" @click=${end('next')}>${question.next}</button>` : nothing}</p>
  </dialog>`
}

const page = new App(draw)
watch(
  (why) =>
    page.end(
      why === 'time'
        ? 'You were signed out, because the page was not used for a while.'
        : 'You have signed out in another tab.',
    ),
  (secondsLeft) => page.warnOfEnd(secondsLeft),
)
addEventListener('resize', measure)
narrow.addEventListener('change', page.redraw)
addEventListener('popstate', () => page.followAddress())
page.followAddress()
resume().then((hasToken) => (hasToken ? page.signIn() : page.start()))
