import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { installations } from '../deploy/installations.ts'
import { startCluster } from '../harness/cluster/start-cluster.ts'
import { openJourney } from '../harness/journey.ts'
import { machinePlatform } from '../harness/machine-platform.ts'
import { requirePart } from '../harness/require-part.ts'
import { endWalk, walk } from '../harness/walk-through/walk.ts'
import { bringByScript, bringByCtr, runsAlone } from './bring-stowage.ts'
import { buildImages, type BuiltImages } from './built-images.ts'
import { startClusterRegistry, walkSiteOf } from './cluster-registry.ts'
import { applyChart, chartValues, giveVolume, installChart, uninstallChart, upgradeChart } from './install-stowage.ts'
import { podsStart } from './pods-start.ts'
import { makeSiteBundle, unpackSiteFiles } from './site-bundle.ts'

const MB = 1_000_000
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
let built: BuiltImages

async function read<T>(schema: z.ZodType<T>, digest?: string): Promise<T> {
  const file = digest === undefined ? 'index.json' : path.join('blobs', digest.replace(':', '/'))
  return schema.parse(JSON.parse(await readFile(path.join(built.layout, file), 'utf8')))
}

/** What a user of kube-fledged has in a file, but that images are pulled although they are there. */
const kubeFledged = { ...installations['with all values that kube-fledged 0.10 comes with'], image: {} }

/** Two ways to a site: with what every node has and kubectl, or with our script, helm, and a controller to spare. */
const ways = [
  { release: 'containerd', bring: bringByCtr, install: applyChart, values: kubeFledged },
  { release: 'containerd-2', bring: bringByScript, install: installChart, values: { controllerReplicaCount: 2 } },
] as const

requirePart('debian')('the image of Stowage', () => {
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'stowage-img-'))
    built = await buildImages(directory)
  }, 900_000)
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it('is one name for two architectures, of at most 60 MB each', async () => {
    const { manifests: roots } = await read(indexSchema)
    expect(roots.map(({ annotations }) => annotations)).toEqual([{ 'org.opencontainers.image.ref.name': built.image }])
    const { manifests } = await read(indexSchema, roots[0]!.digest)
    expect(manifests.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64'])
    for (const { digest } of manifests) {
      const { config, layers } = await read(manifestSchema, digest)
      expect([config, ...layers].reduce((sum, { size }) => sum + size, 0)).toBeLessThan(60 * MB)
    }
  })

  it('comes with an archive that a script installs on a node of this architecture', async () => {
    const { version, layout } = built
    const archive = `${layout}-linux-${machinePlatform.architecture}.tar.gz`
    const [unpacked, node] = [path.join(directory, 'archive'), path.join(directory, 'bare')]
    for (const made of [unpacked, node]) await mkdir(made)
    await execa('tar', ['--extract', '--gzip', '--file', archive, '--directory', unpacked])
    const script = path.join(unpacked, `stowage-${version}`, 'install.sh')
    const install = (...args: string[]) => execa(script, args, { env: { DESTDIR: node }, reject: false })
    expect((await install()).stderr).toBe('install.sh: --central is needed')
    expect((await install('--central', 'http://c:5080', '--node', 'n1')).stdout).toBe(
      `Stowage ${version} is below ${node}`,
    )
    expect((await install()).exitCode).toBe(0)
    expect((await install('--node', 'n2')).stderr).toContain('change it, and run this without options')
    expect(await readFile(path.join(node, 'etc/stowage/agent.env'), 'utf8')).toContain('\nSTOWAGE_NODE=n1\n')
    const unit = await readFile(path.join(node, 'etc/systemd/system/stowage-agent.service'), 'utf8')
    const [, program = '', args = ''] = /^ExecStart=(\S+) (.*)$/m.exec(unit) ?? []
    const { stdout } = await execa(path.join(node, program), [...args.split(' '), '--help'], { env: { PATH: '/bin' } })
    expect(stdout).toContain('Usage: stowage agent')
    expect((await install('--uninstall')).exitCode).toBe(0)
    expect(await readdir(path.join(node, 'opt'))).toEqual([])
  })

  requirePart(
    'kubernetes',
    'netns',
    'cni',
    'busybox',
    'helm',
    'containerd',
    'containerd-2',
  )('in a cluster', () => {
    it.concurrent.for(ways)(
      'over $release comes from one file, and does what it is for',
      { timeout: 600_000 },
      async (way, test) => {
        const { release, bring, install, values } = way
        await using journey = await openJourney(test)
        const site = await makeSiteBundle(journey, `${built.layout}.tar`)
        const carried = await unpackSiteFiles(site, journey.directory)
        await using cluster = await startCluster({ directory: journey.at('k'), release })
        await bring({ cluster, site, carried, data: journey.at('agent') })
        await runsAlone(cluster.containerd, built)

        await using registry = await startClusterRegistry(journey, cluster)
        await giveVolume(journey, cluster)
        await install(cluster, carried, { ...values, ...chartValues(journey, cluster, registry.host) })
        const place = walkSiteOf(cluster, registry)
        await walk(place)
        await registry.stop()
        await podsStart(cluster, { everywhere: registry.images.everywhere, [site.text]: site.image })
        if (release === 'containerd-2') {
          await upgradeChart(cluster, carried, { 'args.controllerLogLevel': 'DEBUG' })
          await uninstallChart(cluster)
        }
        await endWalk(place)
      },
    )
  })
})
