import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import type { Containerd } from '../harness/containerd/start-containerd.ts'
import type { Cluster } from '../harness/cluster/start-cluster.ts'
import { eventually } from '../harness/eventually.ts'
import type { BuiltImages } from './built-images.ts'
import type { SiteBundle } from './site-bundle.ts'

export interface Bringing {
  readonly cluster: Cluster
  readonly site: SiteBundle
  /** What was unpacked from the bundle for people. */
  readonly carried: string
  /** Of the agent. */
  readonly data: string
}

const user = 65532

/** Without any program of ours. */
export async function bringByCtr({ cluster: { containerd }, site }: Bringing): Promise<void> {
  await containerd.ctr('images', 'import', site.file)
  await eventually(() => containerd.cri.imageStatus(site.image), { what: `${site.image} in CRI's list` })
}

/** By the script in the bundle, which runs Stowage out of its image; all that came is pinned. */
export async function bringByScript({ cluster: { containerd }, site, carried, data }: Bringing): Promise<void> {
  const { programs, files, cri } = containerd
  const flags = ['--socket', files.socket, '--data', data]
  const env = { CTR: path.join(programs.directory, 'ctr') }
  const { stdout } = await execa('sh', [path.join(carried, 'import.sh'), ...flags, site.file], { env })
  expect(stdout).toContain(`present ${site.image} sha256:`)
  const pinned = (await cri.listImages()).filter((image) => image.pinned).flatMap(({ repoTags }) => repoTags)
  expect(pinned).toEqual(expect.arrayContaining([site.image, expect.stringMatching(/^localhost\/stowage:/)]))
}

/** What the image can do by itself: with its root file system read-only, as the user that it names. */
export async function runsAlone(containerd: Containerd, { image, version }: BuiltImages): Promise<void> {
  // runc knows no two containers of one id on a machine.
  const run = (...command: string[]): Promise<string> =>
    containerd.ctr('run', '--rm', '--read-only', '--net-host', image, randomUUID(), ...command)
  expect(await run('/usr/bin/stowage', '--version')).toBe(version)
  const whoAmI = 'console.log(process.getuid(), require("node:tls").getCACertificates("system").length > 100)'
  expect(await run('/usr/bin/node', '--use-system-ca', '-e', whoAmI)).toBe(`${user} true`)
  expect(await run('/usr/bin/node', '--input-type=module', '-e', loadAll)).toMatch(/^[1-9]\d\d modules$/)
}

/** A dependency that is declared only for development, or a file that was left out, shows here. */
const loadAll = `
const { glob } = await import('node:fs/promises')
const cwd = '/usr/lib/stowage/node_modules'
let count = 0
for await (const file of glob('{stowage,@stowage/*}/dist/**/*.js', { cwd })) {
  if (file === 'stowage/dist/main.js') continue
  await import(cwd + '/' + file)
  count++
}
console.log(count, 'modules')`
