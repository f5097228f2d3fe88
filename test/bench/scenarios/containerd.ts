import path from 'node:path'
import type { ContainerdRelease } from '../../harness/containerd/containerd-release.ts'
import { machinePlatform } from '../../harness/machine-platform.ts'
import { debianImages } from '../../image-maker/debian-images.ts'
import type { MadeImage } from '../../image-maker/make-image.ts'
import { createOciLayout, type OciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import { interleave } from '../interleave.ts'
import type { Bench, Measure, Scenario } from '../scenario.ts'
import { openCentreWithImage } from './centre-with-image.ts'
import { bringByAgent, pullByCri, pullByCtr, type Brought } from './into-containerd.ts'

const rounds = 5

/** An image into the containerd of this machine. */
export const containerd: Scenario = scenarioOf('containerd', 'containerd')
/** The same into containerd 2. */
export const containerd2: Scenario = scenarioOf('containerd-2', 'containerd-2')

function scenarioOf(name: string, release: ContainerdRelease): Scenario {
  return {
    name,
    what: `an image of Debian packages, 98 MiB in 3 layers, from a centre over loopback into a ${name} that is new, until CRI lists it`,
    parts: [release, 'docker-registry', 'debian'],
    rounds,

    async run(bench) {
      await using centre = await openCentreWithImage(await imageFor(bench), bench)
      const target = { bench, centre, release }
      // Nobody is measured cold, and from here on the centre has the image.
      await bringByAgent(target)
      return await interleave(
        [
          { name: 'stowage', measure: async () => figuresOf(await bringByAgent(target)) },
          { name: 'ctr images pull', measure: async () => figuresOf(await pullByCtr(target)) },
          { name: 'CRI PullImage', measure: async () => figuresOf(await pullByCri(target)) },
        ],
        measures,
        bench,
      )
    },
  }
}

type MeasureKey = 'wall' | 'fromAssignment' | 'cpu' | 'containerdCpu' | 'clientPeak' | 'containerdPeak' | 'written'

const measures: Record<MeasureKey, Measure> = {
  wall: { what: 'time, from the changed wish', unit: 's', better: 'less' },
  fromAssignment: { what: 'time, from the assignment at the agent', unit: 's', better: 'less' },
  cpu: { what: 'CPU of containerd and agent or ctr', unit: 's', better: 'less' },
  containerdCpu: { what: 'CPU of containerd alone', unit: 's', better: 'less' },
  clientPeak: { what: 'peak RSS of agent or ctr', unit: 'MiB', better: 'less' },
  containerdPeak: { what: 'peak RSS of containerd', unit: 'MiB', better: 'less' },
  written: { what: 'written to disk by all of them', unit: 'MiB', better: 'less' },
}

const mebibyte = 1024 * 1024

function figuresOf({ seconds, fromAssignmentSeconds, containerd: daemon, client }: Brought): Figures {
  return {
    wall: seconds,
    fromAssignment: fromAssignmentSeconds ?? seconds,
    cpu: daemon.cpuSeconds + (client?.cpuSeconds ?? 0),
    containerdCpu: daemon.cpuSeconds,
    containerdPeak: daemon.peak / mebibyte,
    written: (daemon.writtenBytes + (client?.writtenBytes ?? 0)) / mebibyte,
    ...(client ? { clientPeak: client.peak / mebibyte } : {}),
  }
}

type Figures = Readonly<Partial<Record<MeasureKey, number>>>

async function imageFor({ size, directory }: Bench): Promise<{ layout: OciLayout; image: MadeImage }> {
  if (size === 'full') {
    const { layout, v1 } = await debianImages()
    return { layout, image: v1 }
  }
  const layout = await createOciLayout(path.join(directory, 'layout'))
  return { layout, image: await smallImage(layout, { platform: machinePlatform }) }
}
