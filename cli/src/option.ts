import { InvalidArgumentError, Option } from 'commander'
import { isFault } from '@stowage/mirror/oci/fault'

/** An option that may also stand in the environment: `--ca-file` as `STOWAGE_CA_FILE`. */
export function option(flags: string, description: string): Option {
  const made = new Option(flags, description)
  return made.env(`STOWAGE_${made.name().toUpperCase().replaceAll('-', '_')}`)
}

/** Turns a parser of ours into one of commander's, which names the flag in front of what the parser says. */
export function parsedBy<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      if (isFault(error)) throw new InvalidArgumentError(error.message)
      throw error
    }
  }
}

/** The same for an option that may be given several times, or once with commas (as in an environment variable). */
export function eachParsedBy<T>(parse: (text: string) => T): (text: string, before?: readonly T[]) => readonly T[] {
  const parseOne = parsedBy(parse)
  return (text, before = []) => [
    ...before,
    ...text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
      .map((part) => parseOne(part)),
  ]
}
