/** A time in epoch milliseconds, to the second: some answers of a service have it more exactly than others. */
export function toSecond(time: Date | undefined): number {
  return Math.floor((time?.getTime() ?? 0) / 1000) * 1000
}
