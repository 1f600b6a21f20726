import { createHash } from 'node:crypto'
import { formatSize, formatTime } from '../log/describe-record.ts'
import {
  describeSpared,
  formatCount,
  formatDay,
  formatDuration,
  formatNumber,
  formatShare,
  heading,
  periodsToPlot,
} from './format.ts'
import { escapeText } from './html-text.ts'
import { STYLE } from './style.ts'
import { DECISIONS, type NameCount, type Period, type Summary } from './summary.ts'
import { barPlot, linePlot, type PlotSeries } from './svg.ts'

/** Formats the report as a page that loads nothing and runs no script; its plots are SVG. */
export function formatHtml(summary: Summary, now: number): string {
  const hash = createHash('sha256').update(STYLE).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  const body = [
    `<header><h1>${escapeText(heading(summary))}</h1><p>Made ${formatTime(now)}.</p></header>`,
    '<main>',
    tiles(summary),
    overTime(summary),
    days(summary),
    counted('Found', 'Virus or attachment', summary.viruses, 'reject'),
    counted('Deferred for', 'Cause', summary.deferrals, 'defer'),
    counted('Went cold for', 'Cause', summary.wentCold, 'defer'),
    counted('Over quota', 'Recipient', summary.overQuota, 'defer'),
    counted('Before the greeting', 'What smtp-delay did', summary.greetings, 'quarantine'),
    slowest(summary),
    '</main>',
  ]
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(heading(summary))}</title>
<style>${STYLE}</style></head>
<body>
${body.filter(Boolean).join('\n')}
</body></html>
`
}

function tiles(summary: Summary): string {
  const { messages, decisions, scanTime } = summary
  const keptOut = decisions.reject + decisions.discard + decisions.quarantine
  const tile = (name: string, value: string, more: string) =>
    `<div class="tile"><dt>${name}</dt><dd>${value}</dd><dd class="more">${escapeText(more)}</dd></div>`
  return `<dl class="tiles">${[
    tile('Messages', formatNumber(messages), `${formatNumber(decisions.accept)} accepted`),
    tile('Kept out', formatNumber(keptOut), formatShare(keptOut, messages)),
    tile('Deferred', formatNumber(decisions.defer), formatShare(decisions.defer, messages)),
    tile('Scan time', formatDuration(scanTime.p50), `95 % in ${formatDuration(scanTime.p95)}`),
    tile(
      'Scans spared',
      formatNumber(summary.spared.stamps + summary.spared.verdicts),
      formatDuration(summary.spared.milliseconds),
    ),
  ].join('')}</dl>${sparedSentence(summary)}`
}

function sparedSentence(summary: Summary): string {
  const words = describeSpared(summary)
  return words === '' ? '' : `<p>${escapeText(words[0]!.toUpperCase() + words.slice(1))}.</p>`
}

function overTime(summary: Summary): string {
  const periods = byStart(periodsToPlot(summary))
  if (periods.length === 0) return ''
  const isHourly = periodsToPlot(summary) === summary.hours
  const columns = periods.map(([start]) =>
    isHourly ? formatTime(start).slice(5, 16) : formatDay(start).slice(5),
  )
  const decisions: PlotSeries[] = DECISIONS.map((word) => ({
    name: word,
    kind: word,
    values: periods.map(([, all]) => sum(all, ({ decisions }) => decisions[word])),
  })).filter(({ values }) => values.some((value) => value > 0))
  const worst = (pick: (period: Period) => number) =>
    periods.map(([, all]) => Math.max(...all.map(pick)))
  const times: PlotSeries[] = [
    { name: 'half of the scans', kind: 'p50', values: worst(({ scanTime }) => scanTime.p50) },
    { name: '95 % of the scans', kind: 'p95', values: worst(({ scanTime }) => scanTime.p95) },
  ]
  const every = isHourly ? 'hour' : 'day'
  const figures = [
    figure(
      `Messages by ${every}`,
      barPlot({
        title: `Messages by ${every} and what became of them`,
        columns,
        series: decisions,
        unit: '',
      }),
      decisions,
    ),
  ]
  if (times.some(({ values }) => values.some((value) => value > 0))) {
    const plot = { title: `Milliseconds of a scan by ${every}`, columns, series: times, unit: 'ms' }
    figures.push(figure(`Scan time by ${every}, milliseconds`, linePlot(plot), times))
  }
  return figures.join('\n')
}

function figure(title: string, plot: string, series: readonly PlotSeries[]): string {
  const legend = series.map(({ name, kind }) => `<li class="${kind}">${escapeText(name)}</li>`)
  return `<figure><figcaption><h2>${title}</h2></figcaption>${plot}<ul class="legend">${legend.join('')}</ul></figure>`
}

function days({ days }: Summary): string {
  if (days.length === 0) return ''
  const rows = days.map(({ start, host, messages, decisions, scans, scanTime }) => [
    formatDay(start),
    host,
    messages,
    decisions.accept,
    decisions.quarantine + decisions.reject + decisions.discard,
    decisions.defer,
    scans.trusted + scans.known,
    `${scanTime.p50}`,
    `${scanTime.p95}`,
  ])
  const names = ['Day', 'Host', 'Messages', 'Accepted', 'Kept out', 'Deferred', 'Spared', 'Scan ms', '95 %'] // biome-ignore format: the columns
  return section('By day and host', table(names, rows))
}

function counted(title: string, name: string, list: readonly NameCount[], kind: string): string {
  if (list.length === 0) return ''
  const most = Math.max(...list.map(({ count }) => count))
  const rows = list.map((counted) => {
    const { name, count } = counted
    const bar = `<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><g class="${kind}"><rect width="${Math.max(1, (100 * count) / most)}" height="8"/></g></svg>`
    return `<tr><td class="text">${escapeText(name)}</td><td class="number">${formatCount(counted)}</td><td class="bars">${bar}</td></tr>`
  })
  const head = `<tr><th scope="col">${name}</th><th scope="col" class="number">Messages</th><td></td></tr>`
  return section(
    title,
    `<div class="wide"><table><thead>${head}</thead><tbody>${rows.join('')}</tbody></table></div>`,
  )
}

function slowest({ slowest }: Summary): string {
  if (slowest.length === 0) return ''
  const rows = slowest.map(({ milliseconds, time, host, id, from, size }) => [
    `${formatDuration(milliseconds)}`,
    time === null ? '' : formatTime(time),
    host,
    size > 0 ? formatSize(size) : '',
    from,
    id,
  ])
  return section(
    'Slowest scans',
    table(['Time', 'When', 'Host', 'Size', 'From', 'Message-ID'], rows),
  )
}

function table(names: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const head = names.map((name) => `<th scope="col">${name}</th>`)
  const body = rows.map((row) => {
    const cells = row.map((value, index) => {
      // On a small screen a row is a card, and each value stands beside its name.
      const name = `data-name="${names[index]}"`
      return typeof value === 'number'
        ? `<td class="number" ${name}>${formatNumber(value)}</td>`
        : `<td class="text" ${name}>${escapeText(value)}</td>`
    })
    return `<tr>${cells.join('')}</tr>`
  })
  return `<div class="wide" tabindex="0" role="group" aria-label="Table"><table class="rows"><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
}

function section(title: string, inside: string): string {
  return `<section><h2>${title}</h2>${inside}</section>`
}

/**
 * Groups the periods of all hosts by when they begin, in order. Leaves out those without a time.
 */
function byStart(periods: readonly Period[]): [number, Period[]][] {
  const together = new Map<number, Period[]>()
  for (const period of periods) {
    if (period.start === null) continue
    together.set(period.start, [...(together.get(period.start) ?? []), period])
  }
  return [...together].sort(([time], [other]) => time - other)
}

function sum(periods: readonly Period[], pick: (period: Period) => number): number {
  return periods.reduce((total, period) => total + pick(period), 0)
}
