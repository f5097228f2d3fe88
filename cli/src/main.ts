import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { z } from 'zod'

const packageJson = z
  .object({ version: z.string() })
  .parse(JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')))

await new Command('stowage')
  .description('Keeps container images on board of edge nodes whose link comes and goes.')
  .version(packageJson.version)
  .parseAsync()
