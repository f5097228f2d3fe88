import { chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { startContainerd, type Containerd } from '../harness/containerd/start-containerd.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'

const MB = 1_000_000
const user = 65532
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(await readFile(path.join(projectDirectory, 'cli/package.json'), 'utf8')))
const image = `localhost/stowage:${version}`
const descriptor = z.object({ digest: z.string(), size: z.number() })
const indexSchema = z.object({
  manifests: z.array(
    descriptor.extend({
      platform: z.object({ architecture: z.string() }).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
  ),
})
const manifestSchema = z.object({ config: descriptor, layers: z.array(descriptor) })

let directory: string
let layout: string

/** Builds what users build; each image is checked file by file before it gets its name. */
async function buildImages(): Promise<void> {
  directory = await mkdtemp(path.join(tmpdir(), 'stowage-img-'))
  const script = path.join(projectDirectory, 'build/images/build-images.ts')
  await execa(process.execPath, ['--conditions=source', script, directory])
  layout = path.join(directory, `stowage-${version}`)
}

async function read<T>(schema: z.ZodType<T>, digest?: string): Promise<T> {
  const file = digest === undefined ? 'index.json' : path.join('blobs', digest.replace(':', '/'))
  return schema.parse(JSON.parse(await readFile(path.join(layout, file), 'utf8')))
}

requirePart('debian')('the image of Stowage', () => {
  beforeAll(buildImages, 900_000)
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it('is one name for two architectures, of at most 60 MB each', async () => {
    const { manifests: roots } = await read(indexSchema)
    expect(roots.map(({ annotations }) => annotations)).toEqual([{ 'org.opencontainers.image.ref.name': image }])
    const { manifests } = await read(indexSchema, roots[0]!.digest)
    expect(manifests.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64'])
    for (const { digest } of manifests) {
      const { config, layers } = await read(manifestSchema, digest)
      expect([config, ...layers].reduce((sum, { size }) => sum + size, 0)).toBeLessThan(60 * MB)
    }
  })

  for (const release of ['containerd', 'containerd-2'] as const) {
    requirePart(release)(`in ${release}`, () => {
      let containerd: Containerd
      beforeAll(async () => {
        containerd = await startContainerd({ directory: path.join(directory, release), release })
        await containerd.ctr('images', 'import', `${layout}.tar`)
      })
      afterAll(() => containerd.stop())

      /** With the root file system read-only, as the user that the image names. */
      const run = (options: readonly string[], id: string, command: readonly string[]): Promise<string> =>
        containerd.ctr('run', '--read-only', '--net-host', ...options, image, id, ...command)

      it('says its version, as a user without rights', async () => {
        expect(await run(['--rm'], 'version', ['/usr/bin/stowage', '--version'])).toBe(version)
        const whoAmI = 'console.log(process.getuid(), require("node:tls").getCACertificates("system").length > 100)'
        expect(await run(['--rm'], 'who', ['/usr/bin/node', '--use-system-ca', '-e', whoAmI])).toBe(`${user} true`)
      })

      it('has all that its modules load', async () => {
        expect(await run(['--rm'], 'modules', ['/usr/bin/node', '--input-type=module', '-e', loadAll])).toMatch(
          /^[1-9]\d\d modules$/,
        )
      })

      it('is a centre that writes nowhere but into its data directory', async () => {
        const [data, caches] = [path.join(directory, `${release}-data`), path.join(directory, `${release}-caches`)]
        for (const made of [data, caches]) await mkdir(made)
        await chown(data, user, user)
        const listen = `127.0.0.1:${await freePort()}`
        const bind = (from: string, to: string, rights: 'ro' | 'rw'): string[] => [
          '--mount',
          `type=bind,src=${from},dst=${to},options=rbind:${rights}`,
        ]
        const mounted = [...bind(data, '/data', 'rw'), ...bind(caches, '/caches', 'ro')]
        const up = ['/usr/bin/stowage', 'up', '--caches', '/caches', '--data', '/data', '--listen', listen]
        await run(['--detach', '--null-io', ...mounted], 'centre', up)
        await eventually(async () => (await fetch(`http://${listen}/healthz`)).ok, {
          what: 'the centre in its container',
        })
      })
    })
  }
})

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
