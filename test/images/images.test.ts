import { randomUUID } from 'node:crypto'
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { oneTimePod } from '../harness/cluster/one-time-pod.ts'
import { apiServer as apiServerUrl, nodeAddress } from '../harness/cluster/cluster-commands.ts'
import { startCluster, type Cluster } from '../harness/cluster/start-cluster.ts'
import { runnableImage } from '../harness/containerd/runnable-image.ts'
import { startContainerd, type Containerd } from '../harness/containerd/start-containerd.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { renderChart } from '../harness/helm.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { imageCache, namespace } from '../harness/kube/cluster-site.ts'
import { machinePlatform } from '../harness/machine-platform.ts'
import { createPrograms } from '../harness/programs.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { stowageCommand } from '../harness/stowage.ts'
import { forwardPort } from '../net/forward-port.ts'

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

  it('comes with an archive that a script installs on a node of this architecture', async () => {
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

  for (const release of ['containerd', 'containerd-2'] as const) {
    requirePart(release)(`in ${release}`, () => {
      let containerd: Containerd
      beforeAll(async () => {
        containerd = await startContainerd({ directory: path.join(directory, release), release })
        await containerd.ctr('images', 'import', `${layout}.tar`)
      })
      afterAll(() => containerd.stop())

      /** With the root file system read-only, as the user that the image names; runc knows no two of one id on a machine. */
      const run = (options: readonly string[], command: readonly string[]): Promise<string> =>
        containerd.ctr('run', '--read-only', '--net-host', ...options, image, randomUUID(), ...command)

      it('says its version, as a user without rights', async () => {
        expect(await run(['--rm'], ['/usr/bin/stowage', '--version'])).toBe(version)
        const whoAmI = 'console.log(process.getuid(), require("node:tls").getCACertificates("system").length > 100)'
        expect(await run(['--rm'], ['/usr/bin/node', '--use-system-ca', '-e', whoAmI])).toBe(`${user} true`)
      })

      it('has all that its modules load', async () => {
        expect(await run(['--rm'], ['/usr/bin/node', '--input-type=module', '-e', loadAll])).toMatch(
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
        await run(['--detach', '--null-io', ...mounted], up)
        await eventually(async () => (await fetch(`http://${listen}/healthz`)).ok, {
          what: 'the centre in its container',
        })
      })
    })

    requirePart(
      'kubernetes',
      'netns',
      'cni',
      'busybox',
      'helm',
      release,
    )(`in a cluster over ${release}`, () => {
      it('runs as the chart says, and pods start from what it brought, with the registry gone', async () => {
        await using journey = await openJourney()
        await using cluster = await startCluster({ directory: journey.at('k'), release })
        await cluster.containerd.ctr('images', 'import', `${layout}.tar`)
        await installChart(journey, cluster)
        const text = `brought by pods of ${release}`
        const name = await bringImage(journey, cluster, text)
        await cluster.apply(oneTimePod('if-not-present', name, 'IfNotPresent'), oneTimePod('never', name, 'Never'))
        for (const pod of ['pod/if-not-present', 'pod/never']) {
          await cluster.kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', pod, '--timeout=60s')
          expect(await cluster.kubectl('logs', pod)).toBe(text)
        }
        const columns = await cluster.kubectl('get', 'edgenodes', '--no-headers')
        expect(columns).toContain(cluster.nodeName)
      })
    })
  }
})

/** As a user would, but for names and service addresses, which need parts that this cluster does not have. */
async function installChart(journey: Journey, cluster: Cluster): Promise<void> {
  const store = journey.at('store')
  await mkdir(store)
  await chown(store, user, user)
  const apiServer = new URL(apiServerUrl)
  const manifest = journey.at('chart.yaml')
  await writeFile(
    manifest,
    await renderChart({
      'store.hostPath': store,
      'controller.hostNetwork': true,
      'controller.env': [
        { name: 'KUBERNETES_SERVICE_HOST', value: apiServer.hostname },
        { name: 'KUBERNETES_SERVICE_PORT', value: apiServer.port },
      ],
      'agent.central': `http://${nodeAddress}:5080`,
      'agent.socket': cluster.containerd.files.socket,
      'agent.containerdRoot': cluster.containerd.files.root,
      'agent.mountPropagation': 'None',
      'agent.dataDirectory': journey.at('agent'),
    }),
  )
  await cluster.kubectl('apply', '--server-side', '--filename', path.join(projectDirectory, 'deploy/crds'))
  await cluster.kubectl('create', 'namespace', namespace)
  await cluster.kubectl('apply', '--filename', manifest)
  for (const pods of ['deployment/kube-fledged-controller', 'daemonset/kube-fledged-agent']) {
    await cluster.kubectl('rollout', 'status', pods, '--namespace', namespace, '--timeout=120s')
  }
}

/** Puts an image into a registry and its name into an ImageCache; the registry is gone when the cache has succeeded. */
async function bringImage(journey: Journey, cluster: Cluster, text: string): Promise<string> {
  const port = await freePort()
  const host = `127.0.0.1:${port}`
  await using programs = createPrograms()
  await using _forwarded = await forwardPort(cluster.namespace, port)
  const { command, args } = stowageCommand(['mirror', '--data', journey.at('source'), '--listen', host])
  const [enter, ...into] = cluster.namespace.launcher
  await programs.start(enter, [...into, command, ...args], { name: 'registry' }).waitForLine(/listening/)
  const works = await openImageWorks(journey.at('made'))
  const image = await runnableImage(works, { text, layerSizes: [500_000] })
  const { reference } = await works.push(image, { url: `http://${host}`, host }, 'shop/app:v1')
  await cluster.apply(imageCache('shop', [{ images: [reference] }]))
  const wait = ['wait', '--for=jsonpath={.status.status}=Succeeded', 'imagecache/shop', '--namespace', namespace]
  await cluster.kubectl(...wait, '--timeout=90s')
  return reference
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
