/** Says that a program cannot be installed on this machine or from where it is, which is nobody's mistake. */
export class CannotBeHad extends Error {
  override readonly name = 'CannotBeHad'
}
