import { escapeText } from './html-text.ts'

/** A line, or a layer of bars, with a value for each column. `kind` names its colour in style.ts. */
export interface PlotSeries {
  readonly name: string
  readonly kind: string
  readonly values: readonly number[]
}

export interface Plot {
  /** A sentence about the plot, for readers who cannot see it. */
  readonly title: string
  /** The name of each column. */
  readonly columns: readonly string[]
  readonly series: readonly PlotSeries[]
  readonly unit: string
}

/** The widths of a plot in units of the drawing: for a desk, and for a phone. */
const WIDTHS = { broad: 720, narrow: 320 } as const
/** The room for the name of a column. */
const NAME_WIDTH = 82
const HEIGHT = 220
const LEFT = 56
const BOTTOM = 24
const TOP = 8

/** Draws a stack of bars for each column, for broad and for narrow screens. */
export function barPlot(plot: Plot): string {
  return draw(plot, drawBars)
}

/** Draws a line for each series, for both screens. A column whose value is not above 0 is a gap. */
export function linePlot(plot: Plot): string {
  return draw(plot, drawLines)
}

/**
 * Draws a plot twice: letters keep their size on each screen, and cannot be scaled with the rest.
 */
function draw(plot: Plot, how: (plot: Plot, screen: keyof typeof WIDTHS) => string): string {
  return how(plot, 'broad') + how(plot, 'narrow')
}

function drawBars(plot: Plot, screen: keyof typeof WIDTHS): string {
  const sums = plot.columns.map((_, index) =>
    plot.series.reduce((sum, { values }) => sum + values[index]!, 0),
  )
  const scale = scaleTo(Math.max(...sums, 0))
  const step = (WIDTHS[screen] - LEFT) / plot.columns.length
  const width = Math.max(1, Math.min(48, step * 0.8))
  const heights = plot.columns.map(() => 0)
  const layers = plot.series.map(({ kind, values }) => {
    const rectangles = values.map((value, index) => {
      const from = scale.y(heights[index]!)
      heights[index]! += value
      const to = scale.y(heights[index]!)
      if (value === 0) return ''
      const x = LEFT + index * step + (step - width) / 2
      return `<rect x="${rounded(x)}" y="${rounded(to)}" width="${rounded(width)}" height="${rounded(Math.max(0.5, from - to))}"/>`
    })
    return `<g class="${kind}">${rectangles.join('')}</g>`
  })
  return frame(plot, scale, screen, layers.join(''))
}

function drawLines(plot: Plot, screen: keyof typeof WIDTHS): string {
  const scale = scaleTo(Math.max(...plot.series.flatMap(({ values }) => values), 0))
  const step = (WIDTHS[screen] - LEFT) / plot.columns.length
  const lines = plot.series.map(({ kind, values }) => {
    let pen = 'M'
    const path = values.map((value, index) => {
      if (!(value > 0)) {
        pen = 'M'
        return ''
      }
      const point = `${pen}${rounded(LEFT + (index + 0.5) * step)} ${rounded(scale.y(value))}`
      pen = 'L'
      return point
    })
    const dots = values.map((value, index) =>
      value > 0 && values.length <= 60
        ? `<circle cx="${rounded(LEFT + (index + 0.5) * step)}" cy="${rounded(scale.y(value))}" r="2.5"/>`
        : '',
    )
    return `<g class="${kind}"><path class="line" d="${path.join('')}"/>${dots.join('')}</g>`
  })
  return frame(plot, scale, screen, lines.join(''))
}

interface PlotScale {
  readonly ticks: readonly number[]
  y(value: number): number
}

/** Makes a scale from 0 to a round number, with some four lines. */
function scaleTo(most: number): PlotScale {
  const rough = Math.max(most, 1e-9) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10]
    .map((factor) => factor * power)
    .find((candidate) => candidate >= rough)!
  const top = Math.max(step, Math.ceil(most / step) * step)
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step)
  return { ticks, y: (value) => TOP + (HEIGHT - BOTTOM - TOP) * (1 - value / top) }
}

function frame(plot: Plot, scale: PlotScale, screen: keyof typeof WIDTHS, inside: string): string {
  const width = WIDTHS[screen]
  const step = (width - LEFT) / plot.columns.length
  const lines = scale.ticks.map((tick) => {
    const y = rounded(scale.y(tick))
    return `<path class="grid" d="M${LEFT} ${y}H${width}"/><text x="${LEFT - 6}" y="${y}" dy=".32em" text-anchor="end">${label(tick)}</text>`
  })
  const every = Math.ceil(plot.columns.length / Math.floor((width - LEFT) / NAME_WIDTH))
  const names = plot.columns.map((name, index) =>
    index % every === 0
      ? `<text x="${rounded(LEFT + (index + 0.5) * step)}" y="${HEIGHT - 6}" text-anchor="middle">${escapeText(name)}</text>`
      : '',
  )
  return (
    `<svg class="${screen}" viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${escapeText(plot.title)}">` +
    `${lines.join('')}${inside}${names.join('')}</svg>`
  )
}

function label(tick: number): string {
  if (tick >= 1e6) return `${rounded(tick / 1e6)} M`
  return tick >= 1e4 ? `${rounded(tick / 1e3)} k` : rounded(tick)
}

/** Writes a number with at most two decimals. */
function rounded(value: number): string {
  return String(Math.round(value * 100) / 100)
}
