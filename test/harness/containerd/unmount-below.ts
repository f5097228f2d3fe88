import { readFile } from 'node:fs/promises'
import { execa } from 'execa'

/** Where something is mounted below a directory, the innermost first. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trimEnd().split('\n')
  const points = lines.map((line) => unescape(line.split(' ')[4] ?? ''))
  return points.filter((point) => point.startsWith(`${directory}/`)).toReversed()
}

/** Unmounts them all, also those in use; somebody else may be at the same. */
export async function unmountBelow(directory: string): Promise<void> {
  for (const point of await mountsBelow(directory)) await execa('umount', ['--lazy', point], { reject: false })
  const left = await mountsBelow(directory)
  if (left.length > 0) throw new Error(`cannot unmount ${left.join(', ')}`)
}

/** The kernel writes spaces and the like in octal. */
function unescape(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
