import { rm } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { startDockerRegistry } from '../../harness/docker-registry.ts'
import { createPrograms } from '../../harness/programs.ts'
import { interleave, type Contender } from '../interleave.ts'
import { timePush } from '../load/time-push.ts'
import { cpuSecondsOf } from '../machine/process-usage.ts'
import type { Registry } from '../registries/registry.ts'
import { startStowage } from '../registries/start-stowage.ts'
import type { Bench, Measure, Scenario } from '../scenario.ts'

const mebibyte = 1024 * 1024

/** A push of a large blob, which is on the disk when it is acknowledged. */
export const push: Scenario = {
  name: 'push',
  what: 'push of a blob of 256 MiB in one request, until the registry has it synced and says so',
  parts: ['docker-registry'],
  rounds: 7,

  async run(bench) {
    return await interleave(
      [contenderOf('stowage', withStowage, bench), contenderOf('docker-registry', withDocker, bench)],
      measures,
      bench,
    )
  },
}

type MeasureKey = 'wall' | 'cpu'

const measures: Record<MeasureKey, Measure> = {
  wall: { what: 'time', unit: 's', better: 'less' },
  cpu: { what: 'CPU of the server', unit: 's', better: 'less' },
}

/** Runs a registry that is new and empty. */
type WithRegistry = <T>(directory: string, bench: Bench, work: (registry: Registry) => Promise<T>) => Promise<T>

const withStowage: WithRegistry = async (directory, bench, work) => {
  await using programs = createPrograms()
  return await work(await startStowage(directory, { ...bench, programs }))
}

const withDocker: WithRegistry = async (directory, { cores }, work) => {
  await using registry = await startDockerRegistry({ directory, launcher: cores.server, isForSpeed: true })
  return await work({ name: 'docker-registry', url: registry.url, pid: registry.pid })
}

function contenderOf(name: string, withRegistry: WithRegistry, bench: Bench): Contender<MeasureKey> {
  const directory = path.join(bench.directory, 'registry')
  async function pushTo({ url, pid }: Registry): Promise<Record<MeasureKey, number>> {
    const size = (bench.size === 'full' ? 256 : 4) * mebibyte
    await timePush({ url, repository: 'warm', size: mebibyte }, bench)
    // The disk has nothing left to do from what was before.
    await execa('sync', ['--file-system', directory])
    const before = await cpuSecondsOf(pid)
    const wall = await timePush({ url, repository: 'bench', size }, bench)
    return { wall, cpu: (await cpuSecondsOf(pid)) - before }
  }
  return {
    name,
    async measure() {
      try {
        return await withRegistry(directory, bench, pushTo)
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },
  }
}
