import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../../harness/free-port.ts'
import { createPrograms } from '../../harness/programs.ts'
import type { Installation } from '../installation.ts'

/** A centre and an agent on this machine. */
export interface CentreAndNode {
  readonly centre: { readonly pid: number; readonly url: string; readonly caches: string }
  readonly agent: { readonly pid: number; readonly layout: string }
}

/** Starts a centre without wishes and an agent that knows it, both as they are published. */
export async function startCentreAndNode(
  stage: string,
  stowage: Installation,
): Promise<CentreAndNode & AsyncDisposable> {
  await using starting = new AsyncDisposableStack()
  const programs = starting.use(createPrograms())
  const host = `127.0.0.1:${await freePort()}`
  const [url, caches, layout] = [`http://${host}`, path.join(stage, 'caches'), path.join(stage, 'images')]
  await mkdir(caches, { recursive: true })
  const start = (args: readonly string[]) => {
    const [command, ...rest] = stowage.command(args)
    return programs.start(command, rest, { name: `stowage ${args[0]}` })
  }
  const centre = start(['up', '--caches', caches, '--data', path.join(stage, 'centre'), '--listen', host])
  await centre.waitForLine(/"msg":"listening"/)
  const where = ['--data', path.join(stage, 'node'), '--runtime', `layout:${layout}`]
  const agent = start(['agent', '--central', url, '--node', 'node-1', ...where, '--contact-every', '1s'])
  const started = starting.move()
  return {
    centre: { pid: centre.pid, url, caches },
    agent: { pid: agent.pid, layout },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
