import { randomUUID } from 'node:crypto'
import { execa } from 'execa'
import { eventually } from '../eventually.ts'
import type { OciLayout } from '../../image-maker/oci-layout.ts'
import type { Containerd } from './start-containerd.ts'

/**
 * Imports all that index.json names into the namespace of CRI, unpacked, and waits until CRI has these names and what only the
 * import itself had needed is gone: its garbage, the index, would otherwise go at some later moment.
 */
export async function importLayout(
  { ctr, cri }: Pick<Containerd, 'ctr' | 'cri'>,
  layout: OciLayout,
  names: readonly string[],
): Promise<void> {
  const archive = `${layout.directory}.tar`
  await execa('tar', ['--create', '--file', archive, '--directory', layout.directory, '.'])
  await ctr('images', 'import', archive)
  for (const name of names) {
    await eventually(() => cri.imageStatus(name), { what: `${name} in CRI's list` })
  }
  const lease = `imported-${randomUUID()}`
  await ctr('leases', 'create', '--id', lease)
  await ctr('leases', 'delete', '--sync', lease) // Answers when garbage has been collected.
}
