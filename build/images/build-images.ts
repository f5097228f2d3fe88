import { createReadStream } from 'node:fs'
import { mkdir, mkdtempDisposable, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { projectDirectory } from '../../test/harness/project-directory.ts'
import { makeIndex, type MadeImage } from '../../test/image-maker/make-image.ts'
import { createOciLayout, type OciLayout } from '../../test/image-maker/oci-layout.ts'
import { writeTar } from '../../test/image-maker/write-tar.ts'
import { architectures } from './architecture.ts'
import { findFaults } from './find-faults.ts'
import { imageFiles } from './image-files.ts'
import { makeArchive } from './make-archive.ts'
import { makeStowageImage } from './make-stowage-image.ts'
import { addSiteFiles } from './site-files.ts'
import { stageProject, type OwnPackage } from './stage-project.ts'

const usage = `Makes what nodes run, for linux/amd64 and linux/arm64, from what npm and Debian publish.

    npm run images [DIRECTORY]      default: .cache/images

Writes the container image as stowage-VERSION, an OCI image layout, and as stowage-VERSION.tar, the same in one file,
which ctr, skopeo and stowage bundle import read, with the chart, the definitions and a script for sites without a link; and for nodes without a container for the agent an archive with an
installation script, stowage-VERSION-linux-ARCHITECTURE.tar.gz. Needs Debian, with the archives of npm and Debian in reach.`

const [target = path.join(projectDirectory, '.cache/images'), ...rest] = process.argv.slice(2)
if (rest.length > 0 || target.startsWith('-')) {
  console.error(usage)
  process.exit(2)
}
await buildImages(path.resolve(target))

async function buildImages(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await using unfinished = await mkdtempDisposable(path.join(directory, '.unfinished-'))
  const layout = await createOciLayout(path.join(unfinished.path, 'layout'))
  const { images, version, archives } = await makeAll(layout, unfinished.path)
  // Named by what nobody serves, so that a node that lacks the image asks no stranger for it.
  await makeIndex(layout, images, { name: `localhost/stowage:${version}` })
  await addSiteFiles(layout.directory, version)
  const finished = path.join(directory, `stowage-${version}`)
  await writeArchive(layout.directory, path.join(unfinished.path, 'tar'))
  await rm(finished, { recursive: true, force: true })
  await rename(layout.directory, finished)
  await rename(path.join(unfinished.path, 'tar'), `${finished}.tar`)
  for (const name of archives) await rename(path.join(unfinished.path, name), path.join(directory, name))
  for (const { manifest, size } of images) {
    console.log(`${manifest.platform?.architecture}: ${(size / 1e6).toFixed(1)} MB, ${manifest.digest}`)
  }
  console.log(`localhost/stowage:${version} is in ${finished} and ${finished}.tar`)
  console.log(`For nodes without a container: ${archives.join(', ')}`)
}

interface Made {
  readonly images: MadeImage[]
  /** Names of files in the directory. */
  readonly archives: string[]
  readonly version: string
}

async function makeAll(layout: OciLayout, archiveDirectory: string): Promise<Made> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-images-'))
  const at = (name: string, what: string): string => path.join(directory.path, name, what)
  const projects = await Promise.all(
    architectures.map(async (architecture) => ({
      architecture,
      project: await stageProject(at(architecture.name, 'project'), architecture.cpu),
    })),
  )
  // What is compiled is the same for all machines.
  const packages = await projects[0]!.project.buildPackages()
  const version = versionOf(packages)
  const made = await Promise.all(
    projects.map(async ({ architecture, project }) => {
      const archive = `stowage-${version}-linux-${architecture.name}.tar.gz`
      const debian = at(architecture.name, 'debian')
      const [image] = await Promise.all([
        makeStowageImage({ layout, architecture, project, packages, directory: debian }),
        makeArchive(path.join(archiveDirectory, archive), { architecture, project, packages, version }),
      ])
      return { image, archive, checked: { architecture, files: await imageFiles(layout, image) } }
    }),
  )
  const faults = findFaults(made.map(({ checked }) => checked))
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return { images: made.map(({ image }) => image), archives: made.map(({ archive }) => archive), version }
}

function versionOf(packages: readonly OwnPackage[]): string {
  return packages.find(({ name }) => name === 'stowage')!.version
}

/** As `ctr images import` wants it: the same files in the same order give the same tar. */
async function writeArchive(layout: string, file: string): Promise<void> {
  const names = (await readdir(layout, { recursive: true })).toSorted()
  const tar = writeTar(async (archive) => {
    for (const name of names) {
      const found = await stat(path.join(layout, name))
      const header = { name, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0, size: found.size }
      if (found.isFile()) await archive.add(header, createReadStream(path.join(layout, name)))
    }
  })
  await using handle = await open(file, 'w')
  await pipeline(tar, handle.createWriteStream())
}
