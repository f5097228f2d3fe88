type Step = 'any' | ((character: string) => boolean)

/**
 * Whether a whole text is what a pattern of Go's `filepath.Match` describes: `*`, `?`, `[class]`, `[^class]`, and `\\` before
 * a literal. Nothing matches a broken pattern. Takes time in proportion to pattern times text, whoever wrote the pattern.
 */
export function globMatches(pattern: string, text: string): boolean {
  const steps = readSteps(Array.from(pattern))
  if (!steps) return false
  const characters = Array.from(text)
  let step = 0
  let at = 0
  let star: { readonly step: number; at: number } | undefined
  while (at < characters.length) {
    const current = steps[step]
    if (current === 'any') {
      star = { step, at }
      step += 1
    } else if (current?.(characters[at] ?? '')) {
      step += 1
      at += 1
    } else {
      if (!star) return false
      star.at += 1
      at = star.at
      step = star.step + 1
    }
  }
  return steps.slice(step).every((rest) => rest === 'any')
}

function readSteps(pattern: string[]): Step[] | undefined {
  const steps: Step[] = []
  while (pattern.length > 0) {
    const step = readStep(pattern)
    if (!step) return undefined
    steps.push(step)
  }
  return steps
}

/** Takes one step off the front; undefined if the pattern is broken there. */
function readStep(pattern: string[]): Step | undefined {
  const first = pattern.shift()
  if (first === '*') return 'any'
  if (first === '?') return () => true
  if (first === '[') return readClass(pattern)
  const literal = first === '\\' ? pattern.shift() : first
  return literal === undefined ? undefined : (character) => character === literal
}

function readClass(pattern: string[]): Step | undefined {
  const negated = pattern[0] === '^'
  if (negated) pattern.shift()
  const ranges: [string, string][] = []
  while (pattern[0] !== ']' || ranges.length === 0) {
    const low = readMember(pattern)
    const isRange = pattern[0] === '-'
    if (isRange) pattern.shift()
    const high = isRange ? readMember(pattern) : low
    if (low === undefined || high === undefined) return undefined
    ranges.push([low, high])
  }
  pattern.shift()
  return (character) => ranges.some(([low, high]) => low <= character && character <= high) !== negated
}

function readMember(pattern: string[]): string | undefined {
  const first = pattern.shift()
  if (first === '-' || first === ']') return undefined
  return first === '\\' ? pattern.shift() : first
}
