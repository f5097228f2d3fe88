/** A registry that takes part, on loopback. */
export interface Registry {
  readonly name: string
  /** Without a slash at its end. */
  readonly url: string
  readonly pid: number
}
