import type { Architecture } from './architecture.ts'
import type { ImageFile } from './image-files.ts'

/** What images must not have: whoever breaks in finds no tool, and nothing can be installed. */
const unwanted = new Set(['sh', 'bash', 'dash', 'busybox', 'apt', 'apt-get', 'dpkg', 'npm', 'npx', 'corepack'])
const programs = ['usr/bin/node', 'usr/bin/stowage', 'usr/bin/sync']

/** An image as it was stored, with the words that stand for its architecture in paths. */
export interface CheckedImage {
  readonly architecture: Architecture
  readonly files: readonly ImageFile[]
}

/** What is wrong with the images of one version, in words; they must have the same files, each for its machine. */
export function findFaults(images: readonly CheckedImage[]): string[] {
  const everywhere = new Set(images.flatMap((image) => commonNames(image)))
  return images.flatMap((image) => {
    const { name } = image.architecture
    const names = new Set(commonNames(image))
    const missing = [...everywhere].filter((file) => !names.has(file)).map((file) => `has no ${file}, as others have`)
    return [...missing, ...faultsOf(image)].map((fault) => `the image for ${name} ${fault}`)
  })
}

function faultsOf({ architecture, files }: CheckedImage): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const absent = programs.filter((program) => ((byPath.get(program)?.mode ?? 0) & 0o111) !== 0o111)
  return [
    ...absent.map((program) => `cannot run /${program}`),
    ...files
      .filter(({ machine }) => machine !== undefined && machine !== architecture.name)
      .map(({ path, machine }) => `has ${path}, which is for ${machine}`),
    ...files.filter(({ path }) => unwanted.has(path.split('/').at(-1)!)).map(({ path }) => `must not have ${path}`),
    ...files.filter(({ mode }) => (mode & 0o6022) !== 0).map(({ path }) => `has ${path} with too many rights`),
  ]
}

/** Paths in which the words of one architecture are those of all. */
function commonNames({ architecture: { libraries, cpu }, files }: CheckedImage): string[] {
  return files.map(({ path }) =>
    path
      .replace(libraries, 'usr/lib/LIBRARIES')
      .replace(/^lib(?:64)?\/ld-linux-[^/]+$/, 'the loader')
      .replace(new RegExp(`/linux-${cpu}(?=\\.node$|/)`), '/linux-CPU'),
  )
}
