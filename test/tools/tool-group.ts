/** Programs of one origin and version that tests use as real parts and that apt does not bring. */
export interface ToolGroup {
  /** As the programs say it, without a leading v. */
  readonly version: string
  /** Changes with everything that decides what is installed. */
  readonly madeFrom: string
  /**
   * Puts the programs into a directory, which it makes.
   * @throws CannotBeHad
   */
  install(directory: string): Promise<void>
}
