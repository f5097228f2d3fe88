import path from 'node:path'
import { makeImage } from '../../image-maker/make-image.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { machinePlatform } from '../machine-platform.ts'
import { busyboxLayer } from './busybox-layer.ts'
import { pauseImageName } from './containerd-config.ts'
import { importLayout } from './import-layout.ts'
import type { Containerd } from './start-containerd.ts'

/** Brings the image that every pod needs. Tests that call it need `requirePart('busybox')`. */
export async function importPauseImage(containerd: Containerd): Promise<void> {
  const layout = await createOciLayout(path.join(containerd.files.directory, 'pause'))
  const config = { Entrypoint: ['/bin/sleep', '2147483647'] }
  await makeImage({ layout, name: pauseImageName, platform: machinePlatform, layers: [busyboxLayer()], config })
  await importLayout(containerd, layout, [pauseImageName])
}
