import { createHash } from 'node:crypto'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { machinePlatform } from '../harness/machine-platform.ts'
import { openPrivateApt } from '../tools/private-apt.ts'
import { debianLayerTar, debianRoot, type DebianLayer } from './debian-layer.ts'
import type { LayerEntry } from './layer-spec.ts'
import { makeImage, type MadeImage } from './make-image.ts'
import { makeLayer, storeLayer, type MadeLayer } from './make-layer.ts'
import { makeOnce } from './make-once.ts'
import { createOciLayout, type OciLayout } from './oci-layout.ts'

/** An image of Debian packages for this machine, in three layers: base, packages, app. */
export interface DebianImage extends MadeImage {
  /** In index.json of the layout. */
  readonly name: string
  /** The line that a container of it says, and ends. */
  readonly says: string
  /** Says the same and goes on until SIGTERM. */
  readonly stayCommand: readonly string[]
}

/** Two versions that share the base. */
export interface DebianImages {
  readonly layout: OciLayout
  readonly v1: DebianImage
  readonly v2: DebianImage
}

const recipe = {
  /** To be raised whenever the same packages would give another layer. */
  form: 1,
  suite: 'bookworm',
  base: ['?essential', '?priority(required)', 'ca-certificates'],
  v1: ['python3', 'nginx-light', 'python3-lxml', 'python3-pil'],
  newInV2: ['python3-requests', 'python3-yaml'],
  /** A file of the base and one of the packages, which the app looks at. */
  witnesses: ['etc/debian_version', 'usr/sbin/nginx'],
  compression: { gzip: 6 },
} as const

const appFile = new URL('./debian-app/main.py', import.meta.url)
const indexFile = 'images.json'

/**
 * Two versions of a real image, each above 90 MiB as stored, from the archive that this machine's apt uses; needs
 * `requirePart('debian')`. They are made once and then taken from the cache, until the recipe changes.
 * @throws CannotBeHad if the archive does not have the packages or cannot be reached
 */
export async function debianImages(): Promise<DebianImages> {
  const app = await readFile(appFile, 'utf8')
  const inputs = JSON.stringify([recipe, machinePlatform, process.versions.zlib, app])
  const directory = path.join(homedir(), '.cache', 'stowage', 'debian-image', sha256(inputs).slice(0, 16))
  const layoutOf = (parent: string): Promise<OciLayout> => createOciLayout(path.join(parent, 'layout'))
  await makeOnce(directory, async (unfinished) => {
    const made = await makeImages(await layoutOf(unfinished), app)
    await writeFile(path.join(unfinished, indexFile), JSON.stringify(made))
  })
  const made = JSON.parse(await readFile(path.join(directory, indexFile), 'utf8')) as Omit<DebianImages, 'layout'>
  return { ...made, layout: await layoutOf(directory) }
}

async function makeImages(layout: OciLayout, app: string): Promise<Omit<DebianImages, 'layout'>> {
  await using downloads = await mkdtempDisposable(path.join(tmpdir(), 'stowage-debian-'))
  const { suite, base, v1, newInV2, compression } = recipe
  const apt = await openPrivateApt(downloads.path, suite)
  const lists = [base, [...base, ...v1], [...base, ...v1, ...newInV2]]
  const [below = [], ...above] = await apt.downloadWithDependencies(...lists)
  const [ofV1 = [], ofV2 = []] = above.map((files) => files.filter((file) => !below.includes(file)))

  const digests = new Map<string, string>()
  const packed = (layer: DebianLayer): Promise<MadeLayer> =>
    storeLayer(
      layout,
      debianLayerTar(layer, (file, hex) => void digests.set(file, hex)),
      compression,
    )
  const [baseLayer, v1Layer, v2Layer] = await Promise.all([
    packed({ packages: below, own: debianRoot }),
    packed({ packages: ofV1 }),
    packed({ packages: ofV2 }),
  ])
  const image = async (version: string, packages: MadeLayer): Promise<DebianImage> => {
    const name = `debian:${version}`
    const files = { 'main.py': app, 'handlers.py': handlersOf(version), VERSION: version }
    const layers = [baseLayer, packages, await makeLayer(layout, { compression, entries: appEntries(files) })]
    const image = await makeImage({ layout, name, platform: machinePlatform, config, layers })
    const seen = [...recipe.witnesses.map((file) => digests.get(file)), sha256(files['handlers.py'])]
    return { ...image, name, says: ['debian', version, ...seen].join(' '), stayCommand: [...config.Cmd, '--stay'] }
  }
  return { v1: await image('v1', v1Layer), v2: await image('v2', v2Layer) }
}

const config = {
  Cmd: ['python3', '/srv/app/main.py'],
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', 'PYTHONDONTWRITEBYTECODE=1'],
  WorkingDir: '/srv/app',
}

function appEntries(files: Readonly<Record<string, string>>): LayerEntry[] {
  return Object.entries(files).map(([name, content]) => ({ path: `srv/app/${name}`, from: { content } }))
}

/** A small part of an app that changes with each version. */
function handlersOf(version: string): string {
  const handlers = Array.from({ length: 60 }, (_, at) => `def handler_${at}(x):\n    return x * ${at + 7}\n`)
  return [`VERSION = '${version}'\n`, ...handlers].join('\n')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
