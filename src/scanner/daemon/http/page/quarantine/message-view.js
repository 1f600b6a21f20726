// One message: what is known of it, what can be done with it, and what is in it.
import { html, nothing } from 'lit-html'
import { live } from 'lit-html/directives/live.js'
import { formatSize } from '../../../../../base/text/units.ts'
import { isSameAddress } from '../../../../scan/replies/found-in-words.ts'
import { visible } from '../elements.js'
import { answerAt } from './answer.js'
import { subjectOf, writerOf } from './list-view.js'
import { FEW, MANY } from './opened.js'
import {
  acts,
  count,
  dayText,
  findingOf,
  isHarmful,
  kindText,
  releasedText,
  timeText,
} from './words.js'

/** @import { App } from './app.js' */
/** @import { Message, Part } from './answers.js' */

/** @param {App} app */
export function messageView(app) {
  const { shown } = app.opened
  const title =
    shown === undefined
      ? app.opened.isGone
        ? 'The message is gone'
        : `Message ${app.search.message}`
      : subjectOf(shown)
  return html`<section class="message" id="message" aria-labelledby="message-title">
    <p class="ways">
      <a href=${app.addressOf({ message: '' })} @click=${(/** @type {MouseEvent} */ event) => app.onLink(event, { message: '' })}>Back to the list</a>
      ${app.opened.neighbour(1) ? html`<button type="button" id="next" @click=${() => app.opened.openNext()}>Next message</button>` : nothing}
    </p>
    <h2 id="message-title" tabindex="-1" dir="auto">${title}</h2>
    ${
      shown === undefined
        ? answerAt(app, 'message')
        : html`${facts(shown)} ${actions(app, shown)} ${content(app, shown)}`
    }
  </section>`
}

/** @param {Message} message */
function facts(message) {
  const { sender, from, found, grounds, time, deletedOn, state, size, attachments, history } =
    message
  const { recipientCount, recipients } = message
  const until = deletedOn ? `, until ${dayText(deletedOn)}` : ''
  const states = {
    kept: '',
    releasing: 'A release was interrupted: it may have been delivered',
    released: 'Released',
  }
  const isNoted = history.some(({ act }) => act === 'released')
  const lines = [
    [
      'Found',
      html`<b class="bad">${kindText(grounds)}${found === null ? '' : `: ${findingOf(message)}`}</b>`,
    ],
    ['From', html`<bdi>${writerOf(message)}</bdi>`],
    ...(isSameAddress(from, sender)
      ? []
      : [
          [
            'Sent by',
            html`<bdi>${visible(sender) || 'no sender (a report about other mail)'}</bdi>`,
          ],
        ]),
    [
      'To',
      recipientCount === 1
        ? html`<bdi>${visible(recipients[0] ?? '')}</bdi>`
        : count(recipientCount, 'recipient'),
    ],
    ...(attachments.length === 0
      ? []
      : [['Attached', html`<bdi>${attachments.map(visible).join(', ')}</bdi>`]]),
    ['Kept', `${timeText(time)}${until} (${formatSize(size)})`],
    ...(state === 'released' && isNoted
      ? []
      : [
          [
            'State',
            [states[state], state === 'released' ? '' : releasedText(message)]
              .filter(Boolean)
              .join('; '),
          ],
        ].filter(([, words]) => words)),
    ...history.map((act) => [acts[act.act], actText(act)]),
    ['Number', message.id],
  ]
  return html`<dl>${lines.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
}

/** @param {Message['history'][number]} act */
function actText({ at, person, recipients = [], recipientCount = recipients.length }) {
  const [first] = recipients
  const more = recipientCount > 1 ? ` and ${recipientCount - 1} more` : ''
  return html`${timeText(at)} by ${visible(person)}${first ? html`, to <bdi>${visible(first)}</bdi>${more}` : nothing}`
}

/**
 * @param {App} app
 * @param {Message} message
 */
function actions(app, message) {
  const { isBusy } = app
  // The safe button stands out.
  const [release, remove] = isHarmful(message.grounds) ? ['', 'first'] : ['first', '']
  return html`<form class="actions" novalidate @submit=${app.opened.onRelease} @input=${app.redraw}>
    ${
      app.mayChange
        ? html`<p class="buttons">
            ${app.may('release') ? html`<button type="submit" class=${release} ?disabled=${isBusy}>Release to${app.opened.target.other === '' && app.opened.target.chosen.size === 0 ? '' : ' '}${targetText(app, message)}</button>` : nothing}
            ${app.may('delete') ? html`<button type="button" class=${remove} ?disabled=${isBusy} @click=${() => app.opened.remove()}>Delete</button>` : nothing}
          </p>`
        : nothing
    }
    ${answerAt(app, 'message')} ${app.may('release') ? recipientsField(app, message) : recipientList(app, message)}
  </form>`
}

/**
 * The words after "Release to" in a button.
 *
 * @param {App} app
 * @param {Message} message
 */
function targetText(app, { recipientCount }) {
  const { other, chosen } = app.opened.target
  if (other !== '') return other
  if (chosen.size === 0) return '… (choose recipients)'
  if (chosen.size === 1) return visible([...chosen][0] ?? '')
  return chosen.size === recipientCount
    ? `all ${recipientCount} recipients`
    : `${chosen.size} of ${recipientCount} recipients`
}

/**
 * @param {App} app
 * @param {Message} message
 */
function recipientsField(app, { recipients, recipientCount, state }) {
  const { opened } = app
  const { target, listed } = opened
  const isElsewhere = target.other !== ''
  const isMany = recipients.length > MANY
  // Those who certainly have it get nothing of a release that goes on.
  const isOut = (/** @type {string} */ address) => state === 'releasing' && opened.hasIt(address)
  const boxes = html`<div class="recipients">
    ${listed.map(
      (
        address,
      ) => html`<label class="box"><input type="checkbox" .checked=${live(target.chosen.has(address))} ?disabled=${isElsewhere || isOut(address)}
          @change=${() => opened.choose(address)}> <span><bdi>${visible(address)}</bdi>${gotIt(app, address)}</span></label>`,
    )}
    ${recipientCount > recipients.length ? html`<p>and ${count(recipientCount - recipients.length, 'more recipient')}</p>` : nothing}
  </div>`
  return html`<fieldset>
    <legend>${recipientCount === 1 ? 'Recipient' : 'Recipients'}</legend>
    ${
      isMany
        ? html`<label>Show recipients with
            <input type="text" name="filter" .value=${live(target.filter)} @input=${opened.onFilter} autocomplete="off" spellcheck="false"></label>`
        : nothing
    }
    ${
      recipients.length > FEW
        ? html`<p class="buttons"><button type="button" ?disabled=${isElsewhere} @click=${() => opened.chooseAll(true)}>Select ${listed.length < recipients.length ? `these ${listed.length}` : `all ${listed.length}`}</button>
            <button type="button" ?disabled=${isElsewhere} @click=${() => opened.chooseAll(false)}>Select none</button></p>`
        : nothing
    }
    ${boxes}
    <label>Another address instead
      <input type="email" name="other" .value=${live(target.other)} @input=${opened.onOther} autocomplete="off" spellcheck="false"></label>
  </fieldset>`
}

/**
 * @param {App} app
 * @param {string} address
 */
function gotIt({ opened }, address) {
  if (!opened.hasIt(address)) return nothing
  const receipt = opened.receiptOf(address)
  return html` <span class="got">got it${receipt ? ` ${timeText(receipt.at)} (${visible(receipt.person)})` : ''}</span>`
}

/**
 * @param {App} app
 * @param {Message} message
 */
function recipientList(app, { recipients, recipientCount }) {
  if (recipientCount === 1) return nothing
  return html`<details ?open=${recipientCount <= FEW}><summary>${count(recipientCount, 'recipient')}</summary>
    <ul>${recipients.map((address) => html`<li><bdi>${visible(address)}</bdi>${gotIt(app, address)}</li>`)}</ul></details>`
}

/**
 * @param {App} app
 * @param {Message} message
 */
function content(app, message) {
  const { isBusy } = app
  const { text, parts } = app.opened
  const { header, host, client, queue, log, found, sender, recipientCount } = message
  /** @type {(words: string, work: () => unknown) => unknown} */
  const button = (words, work) =>
    html`<button type="button" ?disabled=${isBusy} @click=${work}>${words}</button>`
  return html`
    ${
      app.may('allow') && found !== null
        ? html`<h3>A false positive?</h3>
          <p class="hint">An exception lets this finding through in future mail. Release this message as well.${isListAddress(sender) ? ' This sender looks like a list, which may use another address in each mail.' : ''}</p>
          ${recipientCount > EXCEPTION_MAX ? html`<p class="hint">An exception can be for at most ${EXCEPTION_MAX} recipients, and this message has ${recipientCount}.</p>` : nothing}
          <p class="buttons">${sender === '' ? nothing : button(`Allow it from ${visible(sender)}…`, () => app.opened.allow('sender'))}
            ${recipientCount > EXCEPTION_MAX ? nothing : button(`Allow it to ${recipientCount > 1 ? 'these recipients' : 'this recipient'}…`, () => app.opened.allow('recipient'))}
            ${app.opened.isAllowed ? button('Undo the exception', () => app.opened.undoAllow()) : nothing}</p>
          ${answerAt(app, 'allow')}`
        : nothing
    }
    ${
      app.may('read')
        ? html`<h3>Text</h3>
          ${text === undefined ? html`<p class="buttons">${button('Show the text', () => app.opened.showText())}</p>` : nothing}
          ${answerAt(app, 'text')}
          ${
            text === undefined
              ? nothing
              : html`<pre class="letter" id="letter" role="region" aria-label="Text of the message" tabindex="0" dir="auto">${text.text || '(no text)'}</pre>
                ${text.isCut ? html`<p class="hint">The rest is not shown.</p>` : nothing}`
          }`
        : nothing
    }
    <h3>Parts</h3>
    <p class="buttons">${button('Scan again, and list the parts', () => app.opened.listParts())}
      ${app.may('download') ? button('Save the message as a file…', () => app.opened.save()) : nothing}</p>
    ${answerAt(app, 'parts')} ${parts === undefined || parts.length === 0 ? nothing : partTable(parts)}
    <details><summary>Details</summary>
      <dl><dt>Host</dt><dd>${visible(host)}</dd>
        <dt>Came from</dt><dd>${visible(client ?? 'unknown')}</dd>
        ${queue === null ? nothing : html`<dt>Queue</dt><dd>${visible(queue)}</dd>`}</dl>
      <h3>Header</h3>
      <pre dir="auto">${header.replace(/[^\n]+/g, visible)}</pre>
      <h3>Log</h3>
      <pre>${visible(log)}</pre>
    </details>`
}

/** Recipients for whom an exception can be made. */
const EXCEPTION_MAX = 20

/** Whether an address is likely to be that of one mail of a list. @param {string} sender */
const isListAddress = (sender) => /bounce|[-+=].*@|\d{3,}.*@/.test(sender)

const results = { clean: 'nothing', infected: '', unknown: 'not scanned' }

/** @param {readonly Part[]} parts */
function partTable(parts) {
  return html`<table><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col" class="number">Size</th><th scope="col">Found now</th></tr></thead>
    <tbody>${parts.map(
      ({ names, types, size, answer, finding }) => html`<tr>
        <td><bdi>${visible(names.join(' or ') || '(no name)')}</bdi></td><td>${visible(types.join(', '))}</td>
        <td class="number">${formatSize(size)}</td>
        <td class=${answer === 'infected' ? 'bad' : ''}>${[results[answer], visible(finding ?? '')].filter(Boolean).join(': ')}</td></tr>`,
    )}</tbody></table>`
}
