// One message: what is known of it, what can be done with it, and what is in it.
import { html, nothing } from 'lit-html'
import { live } from 'lit-html/directives/live.js'
import { SEARCH_MAX } from '../../../../../base/text/search-words.ts'
import { shortNumber } from '../../../../../base/text/short-number.ts'
import { EXCEPTION_RECIPIENTS_MAX } from '../../../../protocol/quarantine-api/exchange.ts'
import { isSameAddress } from '../../../../scan/replies/found-in-words.ts'
import { visible } from '../elements.js'
import { answerAt, isWrong } from './answer.js'
import { onSkip } from './focus.js'
import { EVERYTHING, searchLink, subjectOf, writerOf } from './list-view.js'
import { exceptionText, FEW, MANY, ONLY_THIS } from './opened.js'
import {
  acts,
  allRecipients,
  count,
  dayText,
  findingOf,
  firstLines,
  kindText,
  problems,
  releasedText,
  sizeText,
  timeText,
} from './words.js'

/** @import { App } from './app.js' */
/** @import { Act, Letter, Message, Part } from './answers.js' */

/** @param {App} app */
export function messageView(app) {
  const { shown } = app.opened
  const title =
    shown === undefined
      ? app.opened.isGone
        ? 'The message is gone'
        : `Message ${app.search.message}`
      : subjectOf(shown)
  return html`<section class="message" id="message" tabindex="-1" aria-label="Message">
    <p class="ways">
      <a href=${app.addressOf({ message: '' })} @click=${(/** @type {MouseEvent} */ event) => app.onLink(event, { message: '' })}>Back to the list</a>
      ${app.opened.neighbour(-1) ? html`<button type="button" id="previous" @click=${() => app.opened.openNeighbour(-1)}>Previous message</button>` : nothing}
      ${nextButton(app, 'next')}
    </p>
    ${answerAt(app, 'before')}
    <h2 id="message-title" tabindex="-1" dir="auto" aria-describedby="writer finding">${title}</h2>
    ${
      shown === undefined
        ? answerAt(app, 'message')
        : html`${facts(app, shown)} ${actions(app, shown)} ${content(app, shown)}`
    }
  </section>`
}

/**
 * @param {App} app
 * @param {string} id
 */
function nextButton({ opened }, id) {
  if (!opened.neighbour(1)) return nothing
  return html`<button type="button" id=${id} @click=${() => opened.openNeighbour(1)}>Next message</button>`
}

/** A link to all that have the same finding. @param {App} app @param {Message} message */
function sameFinding(app, { grounds, found }) {
  const words = { ...EVERYTHING, kind: grounds, search: `"${found?.replaceAll('"', ' ').slice(0, SEARCH_MAX - 2)}"`, show: 'all', message: '' } // biome-ignore format: a line
  return searchLink(app, words, 'Show all with this finding')
}

/** @param {App} app @param {Message} message */
function facts(app, message) {
  const {
    sender,
    from,
    found,
    grounds,
    time,
    deletedOn,
    state,
    size,
    attachments,
    history,
    header,
  } = message
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
      html`<b class="bad" id="finding">${kindText(grounds)}${found === null ? '' : `: ${findingOf(message)}`}</b> ${found === null ? nothing : sameFinding(app, message)}`,
    ],
    ['From', html`<bdi id="writer">${writerOf(message)}</bdi>`],
    ...(isSameAddress(from, sender)
      ? []
      : [
          [
            'Sent by',
            html`<bdi>${visible(sender) || `no sender${/^content-type:\s*multipart\/report/im.test(header) ? ' (a report about other mail)' : ''}`}</bdi>`,
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
    ['Kept', `${timeText(time)}${until} (${sizeText(size)})`],
    ['Number', shortNumber(message.id)],
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
    ...history.map((act, at) => [acts[act.act], actText(message, at)]),
  ]
  return html`<dl>${lines.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
}

/**
 * Who received a message from one act of its history: since the release before.
 *
 * @param {Message} message
 * @param {number} place
 */
function receiptsOf({ history, releasedTo }, place) {
  const { at: end = '' } = history[place] ?? {}
  const { at: start = '' } = history.findLast(({ act }, at) => at < place && act === 'released') ?? {} // biome-ignore format: a line
  return releasedTo.filter(({ at }) => start < at && at <= end)
}

/**
 * @param {Message} message
 * @param {number} place of the act in its history
 */
function actText(message, place) {
  const { for: whose, at, person, recipients = [], recipientCount = recipients.length } = /** @type {Act} */ (message.history[place]) // biome-ignore format: a line
  const receipts = receiptsOf(message, place)
  const [first] = recipients
  const line = html`${timeText(at)} by ${visible(person)}`
  if (!first) return html`${line}${exceptionText(message, whose)}`
  const whom = html`${line}, to <bdi>${visible(first)}</bdi>`
  if (recipientCount === 1) return whom
  const all = html`${whom} and ${recipientCount - 1} more`
  if (receipts.length !== recipientCount) return all
  return html`<details><summary>${all}</summary>
    <ul>${receipts.map(({ recipient }) => html`<li><bdi>${visible(recipient)}</bdi></li>`)}</ul></details>`
}

/**
 * @param {App} app
 * @param {Message} message
 */
function actions(app, message) {
  const { isBusy, opened } = app
  const { obstacle } = message
  const mayRelease = app.may('release') && obstacle === null
  return html`<form class="actions" novalidate @submit=${opened.onRelease}>
    ${mayRelease ? recipientsField(app, message) : recipientList(app, message)}
    ${app.may('release') && obstacle !== null ? html`<p>${problems[obstacle]}</p>` : nothing}
    ${
      app.mayChange
        ? html`<p class="buttons">
      ${mayRelease ? html`<button type="submit" id="release" aria-disabled=${isBusy}>${releaseText(app, message)}</button>` : nothing}
      ${app.may('delete') ? html`<button type="button" aria-disabled=${isBusy} @click=${() => opened.remove()}>Delete</button>` : nothing}
      ${message.state === 'released' && app.answer?.place === 'message' ? nextButton(app, 'next-below') : nothing}
    </p>`
        : nothing
    }
    ${answerAt(app, 'message')}
  </form>`
}

/**
 * @param {App} app
 * @param {Message} message
 */
function releaseText(app, { recipientCount }) {
  const { named, target } = app.opened
  const { chosen } = target
  const [first = ''] = named === '' ? chosen : [named]
  if (first === '')
    return `Release to… (${recipientCount === 0 ? 'write an address' : 'choose recipients'})`
  if (named !== '' || chosen.size === 1) return `Release to ${visible(first)}`
  return `Release to ${chosen.size === recipientCount ? allRecipients(recipientCount) : `${chosen.size} of ${recipientCount} recipients`}`
}

/**
 * @param {App} app
 * @param {Message} message
 */
function recipientsField(app, { recipients, recipientCount, state }) {
  const { opened } = app
  const { target, listed, alsoChosen } = opened
  const isFiltered = listed.length < recipients.length
  const these = listed.length === 1 ? 'this one' : `these ${listed.length}`
  const isElsewhere = opened.named !== ''
  const isMany = recipients.length > MANY
  // Boxes of many are not all in view.
  const isPart = isMany && target.chosen.size < recipientCount
  const named = isFiltered ? alsoChosen : recipients.filter((address) => isPart && target.chosen.has(address)) // biome-ignore format: a line
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
  return html`<fieldset aria-describedby="answer-recipients">
    <legend>${recipientCount === 0 ? 'It is not known for whom this message is' : recipientCount === 1 ? 'Recipient' : isElsewhere ? 'Recipients' : opened.chosenText}</legend>
    ${
      recipients.length > FEW
        ? html`<p class="buttons">
            ${
              isMany
                ? html`<label class="filter">Show recipients with any of
              <input type="text" id="filter" name="filter" .value=${live(target.filter)} @input=${opened.onFilter} @keydown=${opened.onFilterKey} autocomplete="off" spellcheck="false"></label>`
                : nothing
            }
            ${
              listed.length === 0
                ? 'No recipient matches'
                : html`<button type="button" ?disabled=${isElsewhere} @click=${() => opened.chooseListed(true)}>Choose ${isFiltered ? these : `all ${listed.length}`}</button>
            <button type="button" ?disabled=${isElsewhere} @click=${() => opened.chooseListed(false)}>${isFiltered ? `Do not choose ${these}` : 'Choose none'}</button>`
            }
            <a class="skip" href="#other" @click=${onSkip}>Skip the recipients</a></p>`
        : nothing
    }
    ${answerAt(app, 'recipients')} ${boxes}
    ${named.length === 0 ? nothing : html`<p>${isFiltered ? 'Also chosen' : 'Chosen'}: <bdi>${firstLines(named.map(visible), 'recipient').join(', ')}</bdi></p>`}
    <label>${recipientCount === 0 ? 'Release to this address' : 'Or one address only, and none of the above'}
      <input type="text" inputmode="email" id="other" name="other" .value=${live(target.other)} @input=${opened.onOther}
        autocomplete="off" spellcheck="false" aria-invalid=${isWrong(app, 'address')} aria-describedby="answer-address only-this"></label>
    ${isElsewhere && recipientCount > 0 ? html`<p class="hint" id="only-this">${ONLY_THIS}</p>` : nothing}
    ${answerAt(app, 'address')}
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
  const { header, host, client, queue, log, found, sender, recipientCount, exceptions } = message
  const isForMany = recipientCount > EXCEPTION_RECIPIENTS_MAX
  /** @type {(words: string, work: () => unknown) => unknown} */
  const button = (words, work) =>
    html`<button type="button" aria-disabled=${isBusy} @click=${work}>${words}</button>`
  return html`
    ${
      app.may('read')
        ? html`<h3>Text</h3>
          ${text === undefined ? html`<p class="buttons">${button('Show the text', () => app.opened.showText())}</p>` : nothing}
          ${answerAt(app, 'text')}
          ${
            text === undefined
              ? nothing
              : html`<pre class="letter" id="letter" role="region" aria-label="Text of the message" tabindex="0" dir="auto">${text.text || '(no text)'}</pre>
                ${text.isCut ? html`<p class="hint">The rest is not shown.</p>` : nothing}
                ${text.links.length === 0 ? nothing : linkList(text.links)}`
          }`
        : html`<p class="hint">Your token does not let you read the text of messages.</p>`
    }
    <h3>Parts</h3>
    <p class="buttons">${button('Scan again, and list the parts', () => app.opened.listParts())}
      ${app.may('download') ? button('Save the message as a file…', () => app.opened.save()) : nothing}</p>
    ${answerAt(app, 'parts')} ${parts === undefined || parts.length === 0 ? nothing : partTable(parts)}
    ${
      exceptions.length > 0
        ? html`<h3>A false positive?</h3>
          <p class="hint">An exception lets this finding through in future mail. Release this message as well.${isListAddress(sender) ? ' This sender looks like a list, which may use another address in each mail: then an exception for it does not fit the next one.' : ''}</p>
          ${isForMany ? html`<p class="hint">An exception can be for at most ${EXCEPTION_RECIPIENTS_MAX} recipients, and this message has ${recipientCount}.</p>` : nothing}
          <p class="buttons">${exceptions.map(({ for: whose, isMade }) =>
            isMade
              ? button(`Undo the exception${exceptionText(message, whose)}`, () =>
                  app.opened.undoAllow(whose),
                )
              : button(`Make an exception${exceptionText(message, whose)}…`, () =>
                  app.opened.allow(whose),
                ),
          )}</p>
          ${answerAt(app, 'allow')}`
        : (app.mayChange || app.may('allow')) && found !== null
          ? html`<p class="hint">A false positive? Ask your mail administrator for an exception, and name the number.</p>`
          : nothing
    }
    <details><summary>Details</summary>
      <dl><dt>Long number</dt><dd>${message.id}</dd>
        <dt>Host</dt><dd>${visible(host)}</dd>
        <dt>Came from</dt><dd>${visible(client ?? 'unknown')}</dd>
        ${queue === null ? nothing : html`<dt>Queue</dt><dd>${visible(queue)}</dd>`}</dl>
      <h3>Header</h3>
      <pre dir="auto">${header.replace(/[^\n]+/g, visible)}</pre>
      <h3>Log</h3>
      <pre>${visible(log)}</pre>
    </details>`
}

/** Whether an address is likely to be that of one mail of a list. @param {string} sender */
const isListAddress = (sender) => /bounce|=|\+[^@]*\d/i.test(sender)

/** Links of the HTML beside a plain text, which cannot be followed here. @param {Letter['links']} links */
const linkList = (links) =>
  html`<p>Recipients may see another form of this text, in which links lead elsewhere than they show:</p>
    <ul>${links.map(({ text, target }) => html`<li><bdi>${visible(text) || '(picture)'}</bdi> [leads to <bdi>${visible(target)}</bdi>]</li>`)}</ul>`

const results = { clean: 'no virus', infected: '', unknown: 'not scanned' }

/** @param {readonly Part[]} parts */
function partTable(parts) {
  return html`<table><caption class="visually-hidden">Parts of the message</caption><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col" class="number">Size</th><th scope="col">Found now</th></tr></thead>
    <tbody>${parts.map(
      ({ names, types, size, answer, finding }) => html`<tr>
        <td><bdi>${visible(names.join(' or ') || '(no name)')}</bdi></td><td>${visible(types.join(', '))}</td>
        <td class="number">${sizeText(size)}</td>
        <td class=${answer === 'infected' ? 'bad' : ''}>${[results[answer], visible(finding ?? '')].filter(Boolean).join(': ')}</td></tr>`,
    )}</tbody></table>`
}
