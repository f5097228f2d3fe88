import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { glob, mkdir, readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import type { LayerEntry } from '../../test/image-maker/layer-spec.ts'
import { openPrivateApt } from '../../test/tools/private-apt.ts'
import type { Architecture } from './architecture.ts'
import { readElf } from './elf.ts'

const suite = 'trixie'
const osRelease = `PRETTY_NAME="Debian GNU/Linux 13 (${suite})"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION_CODENAME=${suite}
ID=debian
`
const packageNames = ['libc6', 'libstdc++6', 'libgcc-s1', 'gcc-14-base', 'coreutils', 'ca-certificates'] as const
/** Those that have a text of their own; the libraries of GCC have one in common. */
const withLicence = ['libc6', 'gcc-14-base', 'coreutils', 'ca-certificates'] as const
/** Programs of theirs that Stowage calls: what old releases of containerd unpack is synced with sync(1). */
const programs = ['usr/bin/sync'] as const

export interface DebianFilesOptions {
  /** Empty, for what apt keeps. */
  readonly directory: string
  readonly architecture: Architecture
  /** Programs that are to run in the image, besides those of Debian. */
  readonly runs: readonly string[]
}

/**
 * What programs need of a system and no more: the loader, the libraries that they and these libraries name, the
 * certificates of public authorities, and the licences of all that. It is what the archive has on that day, so which
 * packages these were is written down, where those who look for known holes in images read it.
 * @throws CannotBeHad if the archive cannot be reached
 */
export async function debianFiles({ directory, architecture, runs }: DebianFilesOptions): Promise<LayerEntry[]> {
  const root = path.join(directory, 'root')
  const packages = await unpackPackages(directory, root, architecture)
  const own = programs.map((program) => path.join(root, program))
  const licences = withLicence.map((name) => `usr/share/doc/${name}/copyright`)
  return [
    ...(await librariesOf([...runs, ...own], root, architecture)),
    ...[...programs, ...licences].map((name) => ({ path: name, from: { file: path.join(root, name) } })),
    { path: 'etc/ssl/certs/ca-certificates.crt', from: { content: await certificatesIn(root) } },
    { path: 'etc/os-release', from: { content: osRelease } },
    ...(await packageRecords(packages)),
  ]
}

/** @returns the packages' files */
async function unpackPackages(directory: string, root: string, { name }: Architecture): Promise<string[]> {
  const aptDirectory = path.join(directory, 'apt')
  await mkdir(aptDirectory, { recursive: true })
  const apt = await openPrivateApt(aptDirectory, suite, { architecture: name })
  for (const packageName of packageNames) await apt.download(packageName)
  const files = (await Array.fromAsync(glob(path.join(aptDirectory, '*.deb')))).toSorted()
  for (const file of files) await execa('dpkg-deb', ['--extract', file, root])
  return files
}

/** As images without dpkg have them: what each package says of itself, and which file it was. */
async function packageRecords(files: readonly string[]): Promise<LayerEntry[]> {
  const records: LayerEntry[] = []
  const sums: string[] = []
  for (const file of files) {
    const { stdout } = await execa('dpkg-deb', ['--field', file])
    const [, name = ''] = /^Package: (.+)$/m.exec(stdout) ?? []
    records.push({ path: `var/lib/dpkg/status.d/${name}`, from: { content: `${stdout}\n` } })
    const hash = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
    sums.push(`${hash}  ${path.basename(file)}\n`)
  }
  return [...records, { path: 'usr/share/doc/stowage/debian-packages.sha256', from: { content: sums.join('') } }]
}

/** Follows the names of libraries from the programs on; the loader lies where the programs look for it. */
async function librariesOf(
  programFiles: readonly string[],
  root: string,
  { libraries }: Architecture,
): Promise<LayerEntry[]> {
  const found = new Map<string, LayerEntry>()
  const waiting = [...programFiles]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const { interpreter, needed } = readElf(await readFile(file))
    const targets = needed.filter((name) => !name.startsWith('ld-linux')).map((name) => `${libraries}/${name}`)
    for (const target of interpreter === undefined ? targets : [interpreter, ...targets]) {
      if (found.has(target)) continue
      const library = await findLibrary(root, libraries, path.basename(target))
      found.set(target, { path: target, from: { file: library } })
      waiting.push(library)
    }
  }
  return [...found.values()]
}

async function findLibrary(root: string, libraries: string, name: string): Promise<string> {
  const places = [libraries, 'usr/lib64', 'usr/lib']
  const found = places.map((place) => path.join(root, place, name)).find((file) => existsSync(file))
  if (found === undefined) throw new Error(`no package that is unpacked has the library ${name}`)
  return realpath(found)
}

/** As update-ca-certificates joins them. */
async function certificatesIn(root: string): Promise<string> {
  const files = await Array.fromAsync(glob(path.join(root, 'usr/share/ca-certificates/mozilla/*.crt')))
  const texts = await Promise.all(files.toSorted().map((file) => readFile(file, 'utf8')))
  if (texts.length === 0) throw new Error('ca-certificates has no certificates')
  return texts.map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join('')
}
