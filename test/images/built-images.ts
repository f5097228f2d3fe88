import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import * as z from 'zod'
import { projectDirectory } from '../harness/project-directory.ts'

/** What `npm run images` made. */
export interface BuiltImages {
  readonly version: string
  /** The name of the container image. */
  readonly image: string
  /** The OCI image layout; with `.tar` and others at its end the names of the files. */
  readonly layout: string
}

/** Builds what users build; each image is checked file by file before it gets its name. */
export async function buildImages(directory: string): Promise<BuiltImages> {
  const manifest = await readFile(path.join(projectDirectory, 'cli/package.json'), 'utf8')
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(manifest))
  const script = path.join(projectDirectory, 'build/images/build-images.ts')
  await execa(process.execPath, ['--conditions=source', script, directory])
  return { version, image: `localhost/stowage:${version}`, layout: path.join(directory, `stowage-${version}`) }
}
