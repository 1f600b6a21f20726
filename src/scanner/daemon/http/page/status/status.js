// The status page of onescand.
import uPlot from 'uplot'
import { formatDuration, formatSize } from '../../../../../base/text/units.ts'
import { STEP as STEP_MS } from '../../../../observe/live/history.ts'
import { DECISIONS } from '../../../../observe/report/counts.ts'
import { at, element, foldedItem, row, visible } from '../elements.js'

/** @import { PageState, PageUpdate } from '../../snapshot.ts' */
/** @typedef {PageState & { servesQuarantine: boolean }} State */
/** @typedef {PageState['steps'][number]} Step */
/** @typedef {PageState['decided'][number]} Decision */
/** @typedef {'messages' | 'times' | 'trusted'} PlotId */

const KEPT = 200
/** Seconds: a step of the history, and a day. */
const STEP = STEP_MS / 1000
const DAY = 86_400
/** Seconds between two marks of the axis of time, as `clock()` shows them as different. */
const MARKS = [60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200]
/** @type {Map<number, Step>} */
const steps = new Map()
/** @type {readonly Decision[]} */
let decided = []
/** @type {readonly { readonly id: PlotId, readonly place: HTMLElement, readonly plot: uPlot }[]} */
let plots = []

/**
 * One line of state in one colour: it is good only if nothing is listed below it.
 *
 * @param {PageUpdate} state
 */
function showHealth({ selfTest, amiss }) {
  const health = at('health')
  const isGood = selfTest?.hasPassed === true && amiss.length === 0
  const scanning = isGood ? 'Scanning' : 'Scanning, with problems'
  const verb = selfTest?.hasPassed ? scanning : 'Not scanning'
  const words = selfTest ? `${verb}: ${selfTest.reason.replace(/\S+T\S+Z/g, clockOf)}` : 'Starting.'
  health.className = isGood ? 'good' : 'bad'
  if (health.textContent !== visible(words)) health.textContent = visible(words)
}

/** What a postmaster asks first: what came, what was kept out, and what waits. @param {PageUpdate} state */
function showTiles({ judging }) {
  const sums = { messages: 0, reject: 0, discard: 0, quarantine: 0, defer: 0 }
  for (const { decisions } of steps.values()) {
    for (const count of Object.values(decisions)) sums.messages += count
    for (const word of /** @type {const} */ (['reject', 'discard', 'quarantine', 'defer']))
      sums[word] += decisions[word] ?? 0
  }
  const span = spanInWords()
  at('messages-title').textContent = `Messages${span}`
  const keptOut = sums.reject + sums.discard + sums.quarantine
  const ways = [`${shownCount(sums.reject)} refused`, `${shownCount(sums.quarantine)} quarantined`]
  if (sums.discard > 0) ways.push(`${shownCount(sums.discard)} discarded`)
  /** @type {readonly (readonly [name: string, count: number, more: string])[]} */
  const figures = [
    [`Messages${span}`, sums.messages, ''],
    ['Kept out', keptOut, ways.join(', ')],
    ['Deferred', sums.defer, 'to be sent again'],
    ['Being scanned now', judging, ''],
  ]
  const tiles = figures.map(([name, count, more]) => {
    const tile = document.createElement('div')
    tile.append(element('dt', name), element('dd', shownCount(count)), element('dd', more, 'more'))
    return tile
  })
  at('tiles').replaceChildren(...tiles)
}

/** @param {number} count */
const shownCount = (count) => count.toLocaleString('en')

/** A onescand that was started anew remembers only what came since. The log has the rest. */
function spanInWords() {
  const first = Math.min(...[...steps.keys()].map((time) => time / 1000))
  const isPart = Number.isFinite(first) && first > Date.now() / 1000 - DAY + STEP
  return isPart ? ` since ${clock(first)}` : ' in 24 h'
}

/** @param {PageUpdate} state */
function showUnderway({ underway }) {
  const rows = underway.map(({ door, remote, from, size, seconds }) =>
    row(
      door,
      remote,
      from,
      element('td', formatSize(size), 'number'),
      element('td', seconds, 'number'),
    ),
  )
  if (rows.length === 0) {
    const cell = element('td', 'Nothing.')
    cell.colSpan = 5
    rows.push(row(cell))
  }
  at('underway').replaceChildren(...rows)
}

/** @param {PageUpdate} state */
function showClamds({ clamds, now }) {
  const rows = clamds.map(({ server, isUp, text, version, made }) =>
    row(
      server,
      element('td', isUp ? 'yes' : 'no', isUp ? 'good' : 'bad'),
      made ? `${formatDuration(Math.max(0, now - made))} old` : 'unknown',
      isUp ? (version ?? text) : text,
    ),
  )
  if (rows.length === 0) {
    const cell = element('td', 'No clamd is configured.')
    cell.colSpan = 4
    rows.push(row(cell))
  }
  at('clamds').replaceChildren(...rows)
}

/**
 * @param {Decision} decision
 * @param {readonly string[]} words
 */
function matches({ fields, line }, words) {
  const text = `${Object.values(fields).join('\n')}\n${line}`.toLowerCase()
  return words.every((word) => text.includes(word))
}

/** @param {Decision} decision */
function item({ number, time, fields, line, waits }) {
  const name = fields.virus ?? fields.banned
  const isProperty = name && !['virus', 'banned', undefined].includes(fields.grounds)
  const found =
    (isProperty ? `${fields.grounds}: ` : '') +
    (name ?? waits ?? fields.grounds ?? fields.scan ?? '')
  const whom = fields.from ? ` ${fields.from} to ${fields.to ?? ''}` : ''
  const style = DECISIONS.find((word) => word === fields.decision) ?? ''
  const below = [line, ...waysOut(fields.kept)]
  const made = foldedItem(
    time,
    clockOf(time),
    fields.decision ?? '',
    style,
    ` ${found}${whom}`,
    below,
  )
  if (fields.kept !== undefined && !at('quarantine').hidden) {
    const link = element('a', 'Open it in the quarantine')
    link.href = `/quarantine?${new URLSearchParams({ message: fields.kept })}`
    made.firstElementChild?.append(link)
  }
  made.dataset.number = String(number)
  return made
}

/**
 * What to type about a message in quarantine, to be copied.
 *
 * @param {string | undefined} kept
 */
function waysOut(kept) {
  if (!/^[\w.-]+$/.test(kept ?? '')) return []
  return [`onescan quarantine show ${kept}`, `onescan quarantine release ${kept}`]
}

/** @param {readonly Decision[]} [fresh] */
function showDecided(fresh) {
  const filter = /** @type {HTMLInputElement} */ (at('filter'))
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
  const list = at('list')
  if (fresh) {
    // Items that are open or have the focus stay as they are.
    const items = fresh
      .filter((decision) => matches(decision, words))
      .map(item)
      .reverse()
    list.prepend(...items)
    const oldest = decided[0]?.number ?? 0
    while (
      list.lastElementChild &&
      Number(list.lastElementChild.getAttribute('data-number')) < oldest
    ) {
      list.lastElementChild.remove()
    }
  } else {
    const shown = decided.filter((decision) => matches(decision, words))
    list.replaceChildren(...shown.map(item).reverse())
  }
  const count = `${list.childElementCount} of ${decided.length}`
  if (at('count').textContent !== count) at('count').textContent = count
}

/** @param {string} name */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** The time of day as the whole page shows it, that of its reader. @param {number | string} time */
const clockOf = (time) => new Date(time).toLocaleTimeString('en-GB')

/** @param {number} seconds */
function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
  })
}

/** The first second of the plots: a young host's begin with its first mail. */
function begin() {
  const now = Date.now() / 1000
  const first = Math.min(now, ...[...steps.keys()].map((time) => time / 1000))
  return Math.max(now - DAY, Math.min(first, now - STEP))
}

/**
 * The plots show whole steps: from the start of the first to the end of the current one.
 *
 * @returns {[number, number]}
 */
function range() {
  /** @param {number} time */
  const startOf = (time) => time - (time % STEP)
  return [startOf(begin()), startOf(Date.now() / 1000) + STEP]
}

/**
 * What the plots show of each step, in its middle.
 *
 * @returns {Readonly<Record<PlotId, uPlot.AlignedData>>}
 */
function columns() {
  /** @type {number[]} */
  const x = []
  const [first, end] = range()
  for (let time = first; time < end; time += STEP) x.push(time + STEP / 2)
  const all = x.map((time) => steps.get((time - STEP / 2) * 1000))
  /** @param {Step} step */
  const share = ({ decisions, scans }) => {
    const whole = Object.values(decisions).reduce((sum, count) => sum + count, 0)
    return whole === 0 ? null : (100 * ((scans.trusted ?? 0) + (scans.cached ?? 0))) / whole
  }
  // Each decision stands on those behind it in the list, so none hides another.
  /** @param {number} place */
  const upTo = (place) =>
    all.map((step) =>
      DECISIONS.slice(place).reduce((sum, word) => sum + (step?.decisions[word] ?? 0), 0),
    )
  return {
    messages: [x, ...DECISIONS.map((_, place) => upTo(place))],
    times: [x, all.map((step) => step?.p50 ?? null), all.map((step) => step?.p95 ?? null)],
    trusted: [x, all.map((step) => (step ? share(step) : null))],
  }
}

/**
 * `14:00 to 14:05`, of the step with this middle.
 *
 * @param {number} middle
 */
function stepInWords(middle) {
  return `${clock(middle - STEP / 2)} to ${clock(middle + STEP / 2)}`
}

function makePlots() {
  for (const { plot } of plots) plot.destroy()
  const points = { show: steps.size < 40, size: 5 }
  /** @type {(label: string, name: string, more?: uPlot.Series) => uPlot.Series} */
  const line = (label, name, more) => ({
    label,
    stroke: colour(name),
    width: 2,
    points,
    spanGaps: true,
    ...more,
  })
  const paths = uPlot.paths.bars?.({ size: [0.9, 24] })
  /** @type {(word: string, index: number) => uPlot.Series} */
  const bar = (word, index) => ({
    label: word,
    stroke: colour(word),
    fill: colour(word),
    width: 0,
    points: { show: false },
    ...(paths && { paths }),
    value: (plot, sum, _, point) =>
      sum == null || point == null ? '--' : sum - (plot.data[index + 2]?.[point] ?? 0),
  })
  /** @type {readonly (readonly [PlotId, uPlot.Series[]])[]} */
  const kinds = [
    ['messages', DECISIONS.map(bar)],
    // If both are equal, the thin one lies on the thick one.
    [
      'times',
      [
        line('median', 'accept', { width: 4, points: { ...points, size: 12 } }),
        line('95th percentile', 'defer', { dash: [6, 3] }),
      ],
    ],
    ['trusted', [line('saved', 'quarantine')]],
  ]
  const axis = {
    stroke: colour('faint'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line') },
  }
  const data = columns()
  plots = kinds.map(([id, series]) => {
    const place = at(id)
    /** @type {uPlot.Options} */
    const options = {
      width: place.clientWidth,
      height: 200,
      series: [
        { label: 'Time', value: (_, time) => (time == null ? '--' : stepInWords(time)) },
        ...series,
      ],
      axes: [
        { ...axis, incrs: MARKS, values: (_, times) => times.map(clock) },
        { ...axis, size: 48 },
      ],
      scales: {
        x: { range },
        y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
      },
      cursor: { drag: { x: false, y: false } },
    }
    return { id, place, plot: new uPlot(options, data[id], place) }
  })
}

function showPlots() {
  const data = columns()
  for (const { id, plot } of plots) plot.setData(data[id])
}

/** @param {PageUpdate} state */
function showAll(state) {
  showHealth(state)
  showTiles(state)
  showUnderway(state)
  showClamds(state)
  showAmiss(state)
}

/** @param {PageUpdate} state */
function showAmiss({ amiss }) {
  const lines = amiss.map(listed)
  const shown = [...at('amiss').children].map((line) => line.textContent)
  if (lines.map((line) => line.textContent).join('\n') === shown.join('\n')) return
  at('amiss').replaceChildren(...lines)
}

/** @param {PageState['about']} about */
function showAbout({ host, version, does }) {
  document.title = `onescand on ${host}`
  at('host').textContent = `onescand on ${host}`
  at('about').replaceChildren(...[`onescan ${version}`, ...does].map(listed))
}

/** @param {string} text */
function listed(text) {
  const line = document.createElement('li')
  line.textContent = text
  return line
}

/**
 * @param {Step | undefined} step
 * @param {number} now
 */
function takeStep(step, now) {
  if (step) steps.set(step.start, step)
  for (const start of steps.keys()) if (start < now - DAY * 1000) steps.delete(start)
}

async function load() {
  const response = await fetch('/data.json')
  if (!response.ok) throw new Error(String(response.status))
  /** @type {State} */
  const state = await response.json()
  at('quarantine').hidden = !state.servesQuarantine
  steps.clear()
  for (const step of state.steps) steps.set(step.start, step)
  decided = state.decided
  showAbout(state.about)
  showAll(state)
  showDecided()
  makePlots()
}

function listen() {
  const events = new EventSource('/events')
  let isLost = false
  events.onmessage = ({ data }) => {
    /** @type {PageUpdate} */
    const state = JSON.parse(data)
    const newest = decided.at(-1)?.number ?? 0
    const fresh = state.decided.filter(({ number }) => number > newest)
    decided = [...decided, ...fresh].slice(-KEPT)
    takeStep(state.step, state.now)
    showAll(state)
    if (fresh.length > 0) showDecided(fresh)
    showPlots()
    const hasMissed = state.newest > (decided.at(-1)?.number ?? 0)
    const [first] = fresh
    if (hasMissed || (first && fresh.length < KEPT && first.number > newest + 1)) {
      load().catch(() => {})
    }
  }
  events.onopen = () => {
    if (isLost) load().catch(() => {}) // onescand may have been started anew
    isLost = false
  }
  events.onerror = () => {
    isLost = true
    at('health').textContent = 'Not connected.'
    at('health').className = 'bad'
  }
}

at('filter').addEventListener('input', () => showDecided())
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', makePlots)
new ResizeObserver(() => {
  for (const { place, plot } of plots) {
    if (place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height: 200 })
  }
}).observe(document.body)
load().then(listen, () => {
  at('health').textContent = 'Not connected.'
  setTimeout(() => location.reload(), 5000)
})
