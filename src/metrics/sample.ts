export type Labels = Readonly<Record<string, string | number>>

/** One line of a scrape, as prom-client takes it. */
export interface Sample {
  /** Where it is not the metric's own: a histogram's parts. */
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}
