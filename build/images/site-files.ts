import { cp, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { projectDirectory } from '../../test/harness/project-directory.ts'
import { architectures } from './architecture.ts'

/**
 * Puts beside the layout of Stowage's image what makes a bundle of it, from which a site without any link starts: the
 * chart, definitions and manifests, and the script that brings images into a bare containerd.
 */
export async function addSiteFiles(layout: string, version: string): Promise<void> {
  const at = (name: string): string => path.join(layout, 'stowage', name)
  await mkdir(at('deploy'), { recursive: true })
  for (const name of ['chart', 'crds', 'manifests']) {
    await cp(path.join(projectDirectory, 'deploy', name), at(`deploy/${name}`), { recursive: true })
  }
  for (const name of ['import.sh', 'README.md']) await cp(path.join(projectDirectory, 'deploy/site', name), at(name))
  await writeFile(at('VERSION'), `${version}\n`)
  const platforms = architectures.map(({ name }) => `linux/${name}`)
  await writeFile(at('bundle.json'), JSON.stringify({ version: 1, entries: [], platforms }))
}
