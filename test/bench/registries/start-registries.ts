import path from 'node:path'
import { startDockerRegistry } from '../../harness/docker-registry.ts'
import { parts } from '../../harness/parts.ts'
import { createPrograms } from '../../harness/programs.ts'
import { pushLayout } from '../../harness/push-layout.ts'
import type { Bench } from '../scenario.ts'
import type { Registry } from './registry.ts'
import { startNginx, type ServedImage } from './start-nginx.ts'
import { startStowage } from './start-stowage.ts'

/** Those that serve the same image on the same core; ours first. */
export interface Registries extends AsyncDisposable {
  readonly all: readonly Registry[]
}

/** Starts stowage, docker-registry and, where it is installed, nginx, each with this image in it. */
export async function startRegistries(
  served: ServedImage,
  bench: Pick<Bench, 'directory' | 'stowage' | 'cores'>,
): Promise<Registries> {
  await using starting = new AsyncDisposableStack()
  const programs = starting.use(createPrograms())
  const options = { ...bench, programs }
  const place = (name: string): string => path.join(bench.directory, name)
  const stowage = await startStowage(place('stowage'), options)
  const theirs = starting.use(
    await startDockerRegistry({
      directory: place('docker-registry'),
      launcher: bench.cores.server,
      isForSpeed: true,
    }),
  )
  const docker: Registry = { name: 'docker-registry', url: theirs.url, pid: theirs.pid }
  const nginx = parts.nginx.missing() ? [] : [await startNginx(place('nginx'), served, options)]
  for (const { url } of [stowage, docker]) await push(served, url)
  const started = starting.move()
  return { all: [stowage, docker, ...nginx], [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function push({ layout, image, repository, tag }: ServedImage, registry: string): Promise<void> {
  await pushLayout({ layout, target: image.manifest, registry, repository, tag })
}
