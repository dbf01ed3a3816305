import type { MetricName } from './table.js'

export type Labels = Readonly<Record<string, string | number>>

/** One line of a scrape, in prom-client's form. */
export interface Sample {
  /** For the parts of a histogram, whose names differ from the metric's. */
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}

/** All lines of a scrape, by metric. */
export type Scrape = Record<MetricName, Sample[]>
