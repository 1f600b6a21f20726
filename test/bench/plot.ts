import { SIZES } from './cells.ts'
import type { Contestant } from './contestants.ts'
import { type Figure, find } from './figures.ts'
import type { Machine } from './machine.ts'
import { digits } from './report.ts'

const WIDTH = 860
const MARGIN = 24
const LABELS = 190 // room for the contestants' names
const VALUES = 120 // and for the figures behind the bars
const BAR = 18
const STEP = 26
const PANEL_HEAD = 44
const HEAD = 84
const FOOT = 40

/** One group of bars with a scale of its own. */
interface Panel {
  readonly title: string
  readonly bars: readonly {
    readonly contestant: string
    readonly label: string
    readonly value: number
    /** A mark behind the bar's end. */
    readonly p95?: number
    readonly text: string
  }[]
}

const COLORS: Readonly<Record<string, string>> = {
  bare: '#9aa5b1',
  floor: '#9aa5b1',
  sh: '#c98a4b',
  perl: '#c98a4b',
  'cold-node': '#7fa8d9',
  'cold-native': '#3f7cc4',
  warm: '#12508f',
}

/** Medians of clean mail as an SVG picture: a panel for each size, and one for eight at a time. */
export function plot(
  figures: readonly Figure[],
  contestants: readonly Contestant[],
  machine: Machine,
): string {
  const shown = contestants.filter(({ name }) => name in COLORS)
  const panels = [
    ...SIZES.map(({ name }) => timePanel(figures, shown, name)),
    ratePanel(figures, shown, SIZES[0]!.name),
  ].filter(({ bars }) => bars.length > 0)
  const parts: string[] = []
  let y = HEAD
  for (const panel of panels) {
    parts.push(draw(panel, y))
    y += PANEL_HEAD + panel.bars.length * STEP
  }
  const height = y + FOOT
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="DejaVu Sans, Verdana, Arial, sans-serif">
<title>One message through the slot, scanned by clamd</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${line(MARGIN, 36, 'One message through the slot, scanned by clamd', 'font-size="20" font-weight="bold" fill="#1f2933"')}
${line(MARGIN, 60, 'Clean mail. Bars are medians, ticks the 95th percentile. Each panel has its own scale.', 'font-size="13" fill="#52606d"')}
${parts.join('\n')}
${line(MARGIN, height - 16, `${machine.processor}, ${machine.cores} cores, ${machine.kernel}, ${machine.fileSystem}; ${machine.date.slice(0, 10)}`, 'font-size="11" fill="#7b8794"')}
</svg>
`
}

function timePanel(
  figures: readonly Figure[],
  contestants: readonly Contestant[],
  size: string,
): Panel {
  const bars = contestants.flatMap(({ name, label }) => {
    const figure = find(figures, name, { kind: 'clean', size, atOnce: 1 })
    if (figure === undefined) return []
    const { median, p95 } = figure
    return [{ contestant: name, label, value: median, p95, text: `${digits(median)} ms` }]
  })
  return { title: `${size}, one at a time: milliseconds (less is better)`, bars }
}

function ratePanel(
  figures: readonly Figure[],
  contestants: readonly Contestant[],
  size: string,
): Panel {
  const bars = contestants.flatMap(({ name, label }) => {
    const figure = find(figures, name, { kind: 'clean', size, atOnce: 8 })
    if (figure === undefined) return []
    const { perSecond } = figure
    return [{ contestant: name, label, value: perSecond, text: `${Math.round(perSecond)}/s` }]
  })
  return { title: `${size}, eight at a time: messages per second (more is better)`, bars }
}

function draw({ title, bars }: Panel, top: number): string {
  const left = MARGIN + LABELS
  const room = WIDTH - left - VALUES - MARGIN
  const largest = Math.max(...bars.map(({ value }) => value))
  const parts = [line(MARGIN, top + 26, title, 'font-size="14" font-weight="bold" fill="#1f2933"')]
  for (const [index, { contestant, label, value, p95, text }] of bars.entries()) {
    const y = top + PANEL_HEAD - 6 + index * STEP
    const width = Math.max(1, (value / largest) * room)
    // A tail that would leave the picture runs to its edge, without an end.
    const edge = room + VALUES - 70
    const tail = p95 === undefined ? width : (p95 / largest) * room
    const tick = Math.min(tail, edge)
    const bold = contestant === 'warm' ? ' font-weight="bold"' : ''
    parts.push(
      line(left - 8, y + 13, label, `font-size="12" text-anchor="end" fill="#1f2933"${bold}`),
      `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${COLORS[contestant]}"/>`,
    )
    if (p95 !== undefined) {
      const x = (left + tick).toFixed(1)
      parts.push(
        `<path d="M${(left + width).toFixed(1)} ${y + BAR / 2}H${x}${tail > edge ? '' : `M${x} ${y + 4}V${y + BAR - 4}`}" stroke="#9aa5b1" fill="none"/>`,
      )
    }
    const behind = left + Math.max(width, tick) + 7
    parts.push(line(behind, y + 13, text, `font-size="12" fill="#323f4b"${bold}`))
  }
  return parts.join('\n')
}

function line(x: number, y: number, text: string, attributes: string): string {
  const safe = text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${safe}</text>`
}
