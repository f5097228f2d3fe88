import { glob, readFile } from 'node:fs/promises'
import path from 'node:path'

/** All that programs wrote into `*.log` files below a directory: for those who look for what must not be there. */
export async function textOfLogs(directory: string): Promise<string> {
  const texts: string[] = []
  for await (const file of glob('**/*.log', { cwd: directory })) {
    texts.push(await readFile(path.join(directory, file), 'utf8'))
  }
  return texts.join('\n')
}
