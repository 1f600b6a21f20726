import { Registry } from 'prom-client'
import { registerMetrics } from '../../src/observe/live/metrics.ts'

/** The metrics of onescand(8) as items of mdoc(7): the name, its help text, its labels. */
export function metricItems(): string[] {
  const registry = new Registry()
  registerMetrics(registry)
  return registry.getMetricsAsArray().map((metric) => {
    // prom-client keeps these for itself, and its types leave them out.
    const { labelNames } = metric as unknown as { labelNames: readonly string[] }
    const sentences = metric.help.replaceAll('. ', '.\n')
    const labels = labelNames.length === 0 ? '' : `{${labelNames.join(',')}}`
    return `.It Va ${metric.name}${labels}\n${sentences}\n`
  })
}
