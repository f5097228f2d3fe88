import { setTimeout as delay } from 'node:timers/promises'
import {
  cacheViewSchema,
  imageViewSchema,
  itemsSchema,
  nodeViewSchema,
  sourceViewSchema,
} from '@stowage/controller/operator-api/views'
import { isFault } from '@stowage/mirror/oci/fault'
import { Argument, Command } from 'commander'
import { centralOption, openCentreClient, type CentreClient } from '../centre-client.ts'
import type { CommandContext } from '../command-context.ts'
import { caFileOption, readNetworkSettings } from '../network-settings.ts'
import { option } from '../option.ts'
import { cacheColumns, imageColumns, nodeColumns } from '../print/columns.ts'
import { formatTable } from '../print/table.ts'

const kinds = ['caches', 'nodes', 'images'] as const
type Kind = (typeof kinds)[number]
type Output = 'table' | 'wide' | 'json'

interface GetFlags {
  readonly output: Output
  readonly watch?: boolean
  readonly central: string
  readonly caFile?: string
}

/** `stowage get`: what is wanted, what is where, and why something waits. */
export function getCommand(context: CommandContext): Command {
  return new Command('get')
    .description('Show caches (what is wanted), nodes (who is there) or images (what is where, and why it waits).')
    .addArgument(new Argument('<kind>', 'what to show').choices(kinds))
    .addOption(
      option('-o, --output <form>', 'table, wide (more columns) or json')
        .choices(['table', 'wide', 'json'])
        .default('table'),
    )
    .option('-w, --watch', 'show it again whenever it changes')
    .addOption(centralOption())
    .addOption(caFileOption())
    .addHelpText(
      'after',
      '\nExamples:\n  stowage get caches\n  stowage get images --watch       bytes, rate and ETA of what is under way\n  stowage get nodes -o wide        labels, and why a node waits',
    )
    .action((kind: Kind, flags: GetFlags) => runGet(context, kind, flags))
}

async function runGet(
  context: CommandContext,
  kind: Kind,
  { output, watch, central, caFile }: GetFlags,
): Promise<void> {
  const { signal, stdout, stderr } = context
  await using client = openCentreClient(central, await readNetworkSettings(context, caFile))
  for (let before = ''; ;) {
    const text = await look(client, kind, output, signal).catch((error: unknown) => {
      // While it is watched, a centre that restarts is waited for.
      if (watch && before !== '' && isFault(error, 'unavailable')) return `${error.message}\n`
      throw error
    })
    if (text !== before) stdout.write(watch && stdout.isTTY ? `\u001b[H\u001b[2J${text}` : text)
    before = text
    if (!watch) return await warnOfSource(client, { signal, stderr })
    await delay(1000, undefined, { signal })
  }
}

async function look(client: CentreClient, kind: Kind, output: Output, signal: AbortSignal): Promise<string> {
  const form = { output, now: Date.now() }
  switch (kind) {
    case 'caches': {
      const { items } = await client.get('/api/v1/caches', itemsSchema(cacheViewSchema), signal)
      return output === 'json' ? toJson(items) : formatTable(cacheColumns(form), items)
    }
    case 'nodes': {
      const { items } = await client.get('/api/v1/nodes', itemsSchema(nodeViewSchema), signal)
      return output === 'json' ? toJson(items) : formatTable(nodeColumns(form), items)
    }
    case 'images': {
      const { items } = await client.get('/api/v1/images', itemsSchema(imageViewSchema), signal)
      return output === 'json' ? toJson(items) : formatTable(imageColumns(form), items)
    }
  }
}

function toJson(items: readonly unknown[]): string {
  return `${JSON.stringify({ items }, null, 2)}\n`
}

/** A mistake in the wishes is nowhere in the list, just because it is not in force: so it is said beside it. */
async function warnOfSource(
  client: CentreClient,
  { signal, stderr }: Pick<CommandContext, 'signal' | 'stderr'>,
): Promise<void> {
  const { condition, message, problems } = await client.get('/api/v1/source', sourceViewSchema, signal)
  if (condition === 'held' || condition === 'unreadable') stderr.write(`wishes are not in force: ${message}\n`)
  for (const problem of problems) {
    const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':')
    const field = problem.field === undefined ? '' : `${problem.field}: `
    stderr.write(`${problem.severity}: ${place}: ${field}${problem.message}\n`)
  }
}
