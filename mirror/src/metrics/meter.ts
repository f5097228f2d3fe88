/** One thing that is counted or measured: its name as Prometheus knows it, in base units. */
export interface Metric<Label extends string = string> {
  readonly name: `stowage_${string}`
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** A sentence for people. */
  readonly help: string
  /** No label has more values than there are caches, registries or words. */
  readonly labels: readonly Label[]
  /** Of a histogram: upper bounds. */
  readonly buckets?: readonly number[]
}

export type LabelValues<Label extends string = string> = Readonly<Record<Label, string>>

/** The value of a gauge at the moment when somebody asks. */
export interface Sample {
  readonly metric: Metric
  readonly labels: LabelValues
  readonly value: number
}

/** Where is counted what happens. */
export interface Meter {
  add<Label extends string>(metric: Metric<Label>, labels: LabelValues<NoInfer<Label>>, by?: number): void
  observe<Label extends string>(metric: Metric<Label>, labels: LabelValues<NoInfer<Label>>, value: number): void
}

/** Nobody asks for numbers. */
export const noMeter: Meter = { add: () => undefined, observe: () => undefined }

/** Defines a number that only grows. */
export function counter<const Label extends string = never>(
  name: `stowage_${string}_total`,
  help: string,
  labels: readonly Label[] = [],
): Metric<Label> {
  return { name, type: 'counter', help, labels }
}

/** Defines a number that is looked at when somebody asks. */
export function gauge<const Label extends string = never>(
  name: `stowage_${string}`,
  help: string,
  labels: readonly Label[] = [],
): Metric<Label> {
  return { name, type: 'gauge', help, labels }
}

/** Defines a distribution. */
export function histogram<const Label extends string = never>(
  name: `stowage_${string}_seconds`,
  help: string,
  { labels = [], buckets }: { readonly labels?: readonly Label[]; readonly buckets: readonly number[] },
): Metric<Label> {
  return { name, type: 'histogram', help, labels, buckets }
}

/** A gauge's value, with all of its labels. */
export function sample<Label extends string>(
  metric: Metric<Label>,
  labels: LabelValues<NoInfer<Label>>,
  value: number,
): Sample {
  return { metric, labels, value }
}

/** One sample for each of some words: 1 for the one that holds, 0 for the others. */
export function wordSamples<Label extends string, Word extends string>(
  metric: Metric<Label>,
  label: NoInfer<Label>,
  { words, word, labels }: { readonly words: readonly Word[]; readonly word: Word; readonly labels?: LabelValues },
): Sample[] {
  return words.map((each) => ({ metric, labels: { ...labels, [label]: each }, value: each === word ? 1 : 0 }))
}
